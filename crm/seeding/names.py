"""Names in quantity: firms out of city, brand, trade and legal form; people out of surname and given name. Brands follow a long
tail, so that a search for two characters finds anything from nothing to half of all firms."""

from itertools import accumulate
from random import Random

from crm.demodata import words
from crm.records import areas

FIRST = "恒瀚锐卓启嘉泽承铭弘睿骏彦沐景砚柏岚凌晟亿盈禾优澜臻贝润朗越金华中天海东新正大永安宏福康盛荣利德信和顺祥兴昌富茂源广通达飞龙凤玉明光星云山江河湖绿蓝红青白紫春夏秋冬"
SECOND = "拓宇远诚川泓达岳晖尔凯衡楷维驰泰丰博隆辰鼎诺腾格特立业力生成来旺洋洲阳雅美佳丽洁爱家乐迪奥赛森林木石磊晶鑫钰铁钢电科创思智慧慕柯莱曼洛菲蒂娜迅捷奔途易网联众合同百千万里"
TRADES = [
    "科技",
    "贸易",
    "实业",
    "电子",
    "机械",
    "信息技术",
    "网络科技",
    "商贸",
    "建材",
    "食品",
    "服装",
    "化工",
    "医疗器械",
    "生物科技",
    "新能源",
    "光电",
    "自动化设备",
    "精密机械",
    "环保科技",
    "物流",
    "供应链管理",
    "进出口",
    "文化传媒",
    "教育科技",
    "企业管理",
    "装饰工程",
    "建设工程",
    "园林绿化",
    "包装材料",
    "塑料制品",
    "五金制品",
    "模具",
    "仪器仪表",
    "汽车配件",
    "家具",
    "纺织",
    "印刷",
    "广告",
    "餐饮管理",
    "酒店管理",
    "农业开发",
    "投资管理",
    "咨询",
    "软件",
    "数据服务",
]
LEGAL = ["有限公司", "有限责任公司", "股份有限公司", "集团有限公司"]


def tail(number: int, power: float) -> list[float]:
    """Cumulative weights of a long tail: the n-th of `number` weighs n to the minus `power`."""
    return list(accumulate((place + 1) ** -power for place in range(number)))


class Firms:
    """Company names, each once."""

    def __init__(self, pick: Random):
        self.pick, self.seen = pick, set()
        first = [
            "苏州市",
            "上海市",
            "杭州市",
            "深圳市",
            "广州市",
            "北京市",
            "南京市",
            "宁波市",
            "无锡市",
            "东莞市",
            "成都市",
            "武汉市",
            "青岛市",
            "厦门市",
        ]
        places = [
            (province, city)
            for province, cities in areas.provinces().items()
            for city in cities
            if city.endswith("市") and len(city) < 6
        ]
        rank = {city: place for place, city in enumerate(first)}
        self.places = sorted(places, key=lambda place: rank.get(place[1], 99))
        self.weights = {
            "place": tail(len(self.places), 0.7),
            "first": tail(len(FIRST), 0.4),
            "second": tail(len(SECOND), 0.4),
            "trade": tail(len(TRADES), 0.5),
            "legal": [8, 9, 10, 10.3],
        }

    def next(self, number: int) -> list[tuple[str, str, str]]:
        """`number` of (name, province, city); 12 % are short names without city and legal form."""
        choices, weights = self.pick.choices, self.weights
        drawn = zip(
            choices(range(len(self.places)), cum_weights=weights["place"], k=number),
            choices(FIRST, cum_weights=weights["first"], k=number),
            choices(SECOND, cum_weights=weights["second"], k=number),
            choices(TRADES, cum_weights=weights["trade"], k=number),
            choices(LEGAL, cum_weights=weights["legal"], k=number),
            strict=True,
        )
        found = []
        for at, first, second, trade, legal in drawn:
            province, city = self.places[at]
            name = first + second + trade if self.pick.random() < 0.12 else f"{city[:-1]}{first}{second}{trade}{legal}"
            while name in self.seen:
                first, second, third = self.pick.choice(FIRST), self.pick.choice(SECOND), self.pick.choice(SECOND)
                name = f"{city[:-1]}{first}{second}{third}{trade}{legal}"
            self.seen.add(name)
            found.append((name, province, city))
        return found


class People:
    """Names of persons; many of them the same, as in life."""

    def __init__(self, pick: Random):
        self.pick, self.weights = pick, tail(len(words.SURNAMES), 0.8)
        self.given = [(name, "f") for name in words.GIVEN_FEMALE] + [(name, "m") for name in words.GIVEN_MALE]

    def next(self, number: int) -> list[tuple[str, str]]:
        """`number` of (name, gender)."""
        surnames = self.pick.choices(words.SURNAMES, cum_weights=self.weights, k=number)
        return [
            (surname + name, gender)
            for surname, (name, gender) in zip(surnames, self.pick.choices(self.given, k=number), strict=True)
        ]
