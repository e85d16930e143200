"""What names, numbers and addresses are compared by: the parts of them that companies do not share."""

import re
import unicodedata
from functools import cache

from crm.records import areas, search

MIN_NUMBER = 7  # digits of the shortest number that is looked up
KEPT = 100  # characters of a stored key
_LEGAL = re.compile(r"有限责任公司|股份有限公司|有限公司|集团公司|集团|股份|公司|\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】")
_LATIN = re.compile(r"[\s,.]+(?:co\.?[\s,]*ltd|ltd|limited|inc|llc|corp)\.?\s*$", re.I)
_MARKS = str.maketrans("", "", "·•.,、，。-_/&'\"“”‘’()[]【】")
_PLACE_ENDS = re.compile(r"(?:维吾尔自治区|壮族自治区|回族自治区|特别行政区|自治区|省|市|地区|盟)$")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_SECOND = frozenset({"com", "net", "org", "gov", "edu", "ac", "co"})
# Whoever shares one of these has nothing else in common: public mail, shop platforms, social networks.
PUBLIC = frozenset(
    "qq.com foxmail.com 163.com 126.com yeah.net 188.com 163.net 263.net sina.com sina.cn sina.com.cn sohu.com tom.com "
    "21cn.com 139.com 189.cn wo.cn wo.com.cn aliyun.com 88.com 2980.com 51.com eyou.com gmail.com googlemail.com "
    "outlook.com hotmail.com live.com live.cn msn.com yahoo.com yahoo.cn yahoo.com.cn icloud.com me.com mac.com "
    "proton.me protonmail.com mail.ru 1688.com alibaba.com taobao.com tmall.com jd.com pinduoduo.com made-in-china.com "
    "hc360.com weibo.com weixin.com baidu.com douyin.com xiaohongshu.com linkedin.com facebook.com github.io".split()
)


def stem(name: str) -> str:
    """A company name without what companies share: width, case, spaces, brackets, legal form and group suffixes."""
    plain = search.normal(name)
    if plain.isascii() or plain[-1:].isascii():
        plain = search.normal(_LATIN.sub("", unicodedata.normalize("NFKC", name))) or plain
    return _LEGAL.sub("", plain).translate(_MARKS) or plain


@cache
def _places() -> dict[str, tuple[str, ...]]:
    """{first two characters: provinces and cities that begin so, longest first}, full and short names."""
    found: dict[str, set[str]] = {"中国": {"中国"}}
    for province, cities in areas.provinces().items():
        for place in (province, *cities):
            for spelling in (place, _PLACE_ENDS.sub("", place)):
                if len(spelling) > 1:
                    found.setdefault(spelling[:2], set()).add(spelling)
    return {start: tuple(sorted(names, key=len, reverse=True)) for start, names in found.items()}


def core(name: str) -> str:
    """The stem without the country, province and city it begins with, as long as three characters stay: weak evidence."""
    found = stem(name)
    while place := next((one for one in _places().get(found[:2], ()) if found.startswith(one)), ""):
        rest = found.removeprefix(place)
        if len(rest) < 3:
            break
        found = rest
    return found


def name_stem(name: str) -> str | None:
    """What is stored with a customer to find likely namesakes by, None where too little is left to compare."""
    found = core(name)[:KEPT]
    return found if len(found) > 1 else None


def number(text: str) -> str:
    """The digits of a phone number, a mobile without its country code; "" where there are too few to compare."""
    digits = "".join(char for char in unicodedata.normalize("NFKC", text or "") if char in "0123456789")
    bare = digits.removeprefix("00").removeprefix("86")
    if _MOBILE.fullmatch(bare):
        digits = bare
    return digits if len(digits) >= MIN_NUMBER else ""


def host(text: str) -> str:
    """The host of a web or mail address as typed, "" where it is none."""
    plain = "".join(unicodedata.normalize("NFKC", text or "").casefold().split())
    plain = plain.partition("://")[2] or plain
    plain = plain.rpartition("@")[2].partition("/")[0].partition("?")[0].partition(":")[0].strip(".")
    return plain if len(plain) <= KEPT and _HOST.fullmatch(plain) else ""


def whole_domain(text: str) -> str:
    """The part of a host that somebody registered: sales.yunlan.com.cn -> yunlan.com.cn; "" where there is none."""
    parts = host(text).split(".")
    if len(parts) < 2:
        return ""
    kept = 3 if len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in _SECOND else 2
    return ".".join(parts[-kept:])


def domain(text: str) -> str | None:
    """The domain to compare by, None where it is a public one or none at all."""
    found = whole_domain(text)
    return found if found and found not in PUBLIC else None
