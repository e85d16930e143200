"""How customers and contacts are imported."""

from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db.models import Q

from crm.records import areas, fieldset, modules, params
from crm.records.fields import name_key
from crm.records.importing.cells import yes_or_no
from crm.records.importing.companions import Companion
from crm.records.importing.keys import Key
from crm.records.importing.targets import OWNER, PERSON, Importer, Target

from .duplicates import names, rules
from .models import Contact, Customer
from .pools.importing import PoolImporter

HISTORY = (
    Target(
        "created_by",
        lookup=PERSON,
        function="history",
        create=True,
        synonyms=("创建者", "录入人", "创建用户", "建档人"),
        example="13800000012",
        note="手机号或姓名",
    ),
    Target(
        "created_at",
        function="history",
        create=True,
        synonyms=("录入时间", "创建日期", "建档时间", "添加时间"),
        example="2026-01-31 14:00",
    ),
    Target(
        "updated_at",
        function="history",
        create=True,
        synonyms=("最后更新时间", "更新日期", "修改时间", "最后修改时间", "最近修改时间"),
    ),
)


class CustomerImporter(PoolImporter):
    module = "customer"
    key_label, key_targets, duplicate_message = "客户名称", ("name",), "已有同名客户"
    companion = Companion(
        "contact",
        link="customer",
        prefix="联系人",
        without=("primary",),
        words={
            "name": ("联系人", "首要联系人", "主要联系人", "第一联系人", "联系人名称", "联系人名字", "对接人", "姓名"),
            "salutation": ("尊称", "称呼", "称谓"),
            "gender": ("性别",),
            "position": ("职位", "职务", "岗位"),
            "department": ("部门", "所在部门"),
            "is_decider": ("关键决策人", "是否关键决策人", "决策人"),
            "birthday": ("生日", "出生日期"),
            "mobile": ("手机", "手机号", "手机号码", "移动电话", "联系人电话", "联系方式"),
            "phone": ("办公电话",),
            "email": ("邮箱", "电子邮箱", "电子邮件", "邮件", "Email", "E-mail"),
            "qq": ("QQ", "QQ号", "QQ 号码"),
            "wechat": ("微信", "微信号"),
        },
    )
    other_keys = (Key("phone", "电话", ("phone",), ("phone",), "已有电话相同的客户"),)
    derived = frozenset({"name_key", "name_stem", "domain", "province", "city", "address"})
    targets = (
        Target(
            "name",
            synonyms=("客户名", "公司名称", "公司", "企业名称", "单位名称", "名称", "客户", "company", "name"),
            example="云澜智造科技（苏州）有限公司",
        ),
        Target(
            "owner",
            lookup=OWNER,
            create=True,
            synonyms=("业务员", "销售", "销售人员", "所属人", "跟进人", "客户负责人", "客户经理", "归属人", "所属销售"),
            example="13800000012",
            note="手机号，或您数据范围内不重名的姓名；空着就是您自己",
        ),
        Target("type", synonyms=("类型", "客户类别")),
        Target("level", synonyms=("级别", "客户等级", "等级", "客户分级")),
        Target("status", synonyms=("状态",)),
        Target("intent", synonyms=("意向", "意向程度")),
        Target("relation"),
        Target("industry", synonyms=("行业", "所属行业", "行业类别")),
        Target("source", synonyms=("客户来源", "来源", "信息来源", "来源渠道")),
        Target("nature", synonyms=("企业性质", "性质")),
        Target("annual_turnover", synonyms=("年营业收入", "营业额")),
        Target("employees", synonyms=("人数", "公司规模", "规模")),
        Target("rating", synonyms=("星级", "客户评分"), example="3", note="1 到 3"),
        Target("satisfaction", synonyms=("满意度",), note="1 到 5"),
        Target("credit", synonyms=("信用度", "信用等级"), note="1 到 5"),
        Target("deal_status", function="deal", synonyms=("成交",), note="未成交 或 已成交"),
        Target("region", synonyms=("所在地区", "区域", "销售区域", "大区")),
        Target(
            "province",
            synonyms=("省份", "所在省", "所在省份"),
            example="江苏",
            note="可写简称，也可只写城市（深圳）",
            options=lambda: list(areas.provinces()),
        ),
        Target("city", synonyms=("城市", "所在城市", "地级市"), example="苏州"),
        Target(
            "address",
            synonyms=("地址", "街道地址", "公司地址", "办公地址", "客户地址"),
            example="工业园区星湖街 328 号",
        ),
        Target(
            "full_address",
            "客户联系地址",
            field="",
            synonyms=("联系地址", "完整地址", "定位", "省市区"),
            note="省、市、详细地址写在一格；另有这三列时不用",
        ),
        Target("postcode", synonyms=("邮政编码",), example="215000"),
        Target(
            "phone",
            synonyms=(
                "客户电话",
                "联系电话",
                "手机",
                "手机号",
                "手机号码",
                "固定电话",
                "座机",
                "公司电话",
                "电话号码",
                "移动电话",
                "tel",
                "phone",
            ),
            example="0512-65550186",
        ),
        Target("website", synonyms=("网站", "官网", "公司网址", "公司网站", "公司主页", "url")),
        Target(
            "next_contact_at",
            synonyms=("下次跟进时间", "下次联系日期", "下次回访时间", "下次跟进日期"),
            example="2026-01-31 14:00",
        ),
        Target("remark", synonyms=("备注信息", "说明", "描述", "客户备注", "remark")),
        Target("locked", function="lock", create=True, synonyms=("锁定状态", "是否锁定"), note="是 或 否"),
        Target("churn_state", function="churn", create=True, note="流失预警 或 已流失，空着就是正常"),
        Target("churn_since", function="churn", create=True),
        Target("churn_hold", function="churn", create=True, example="2026-03-31"),
        Target(
            "last_followed_at",
            function="history",
            create=True,
            synonyms=("最后跟进", "最后跟进日期", "最近跟进时间", "上次跟进时间", "最近跟进日期"),
        ),
        *HISTORY,
    )

    def forbids_duplicates(self):
        return params.get("duplicate_names") == "forbid"

    def compares(self):
        return rules.active("import")

    def judge(self, chunk, rows):
        if rows and self.compares():
            rules.check_rows(chunk, rows, user=chunk.plan.user)

    def key_fields(self):
        return ("name_key",) if self.forbids_duplicates() else ("name",)

    def rows(self, chunk):
        values = chunk.values
        self.fill_pool(chunk)
        values["name_key"] = [name_key(name) if chunk.plan.forbids and name else None for name in values["name"]]
        values["name_stem"] = [names.name_stem(name) if name else None for name in values["name"]]
        if "website" in values:
            values["domain"] = [names.domain(website) for website in values["website"]]
        fill_places(chunk, Customer, "客户联系地址")


def fill_places(chunk, model, label: str) -> None:
    """省, 市 and 详细地址 in their normal form: an address in one cell (`label`) is split where those have no columns of their
    own, short names of provinces and cities alone are completed."""
    values, places = chunk.values, {}
    if "full_address" in values and not {"province", "city", "address"} & set(values):
        for name, column in zip(
            ("province", "city", "address"),
            zip(*map(split_address, values["full_address"]), strict=True),
            strict=True,
        ):
            values[name] = list(column)
        limit = model._meta.get_field("address")
        for row, text in enumerate(values["address"]):
            if len(text or "") > limit.max_length:
                chunk.fail(row, label, limit.error_messages["max_length"])
    if "province" in values or "city" in values:
        blank = [""] * len(chunk)
        provinces, cities = list(values.get("province", blank)), list(values.get("city", blank))
        for row, pair in enumerate(zip(provinces, cities, strict=True)):
            if pair not in places:
                try:
                    places[pair] = areas.place(pair[0] or "", pair[1] or "")
                except ValidationError as error:
                    places[pair] = next((field, messages[0]) for field, messages in error.message_dict.items())
                    places[pair] = {"省" if places[pair][0] == "province" else "市": places[pair][1]}
            found = places[pair]
            if isinstance(found, dict):
                for heading, sentence in found.items():
                    chunk.fail(row, heading, sentence)
            else:
                provinces[row], cities[row] = found
        values["province"], values["city"] = provinces, cities


def split_address(text: str) -> tuple[str, str, str]:
    """(province, city, rest) of an address in one line; where it does not begin with a province, all of it is the rest."""
    province = next((name for name in areas.provinces() if text.startswith(name)), "")
    if not province:
        return "", "", text
    rest = text.removeprefix(province)
    city = next(
        (name for name in sorted(areas.provinces()[province], key=len, reverse=True) if rest.startswith(name)), ""
    )
    return province, city, rest.removeprefix(city)


def customers_by_name(user, names) -> dict[str, object]:
    """{name: id or sentence}: customers the person may edit, by their exact name."""
    found: dict[str, list[int]] = {}
    if not params.get("duplicate_names") == "forbid":
        condition = Q(name__any=names)
        for name, pk in Customer.objects.allowed(user, "edit").filter(condition).values_list("name", "pk"):
            found.setdefault(name, []).append(pk)
    else:
        keys = {name_key(name): name for name in names}
        for key, pk in (
            Customer.objects.allowed(user, "edit").filter(name_key__any=list(keys)).values_list("name_key", "pk")
        ):
            found.setdefault(keys[key], []).append(pk)
    answer: dict[str, object] = {}
    for name in names:
        pks = found.get(name, [])
        if not name:
            answer[name] = "请填写所属客户"
        elif len(pks) == 1:
            answer[name] = pks[0]
        else:
            answer[name] = (
                f"有 {len(pks)} 个同名客户“{name[:30]}”" if pks else f"没有“{name[:30]}”这个客户，或您没有编辑它的权限"
            )
    return answer


class ContactImporter(Importer):
    module = "contact"
    key_label, key_targets, duplicate_message = "所属客户、姓名", ("customer", "name"), "该客户下已有同名联系人"
    other_keys = (Key("mobile", "手机", ("mobile",), ("mobile",), "已有手机相同的联系人"),)
    derived = frozenset({"domain"})
    targets = (
        Target("name", synonyms=("联系人", "联系人姓名", "名字", "联系人名称"), example="许一诺"),
        Target(
            "customer",
            lookup=customers_by_name,
            create=True,
            synonyms=("客户名称", "客户", "公司", "公司名称", "企业名称", "对应客户", "关联客户"),
            example="云澜智造科技（苏州）有限公司",
            note="系统中您可编辑的客户的全名",
        ),
        Target(
            "owner",
            lookup=OWNER,
            create=True,
            synonyms=("业务员", "销售", "跟进人", "客户经理", "归属人"),
            note="手机号，或您数据范围内不重名的姓名；空着就是您自己",
        ),
        Target("salutation", synonyms=("称呼", "称谓"), example="女士"),
        Target("gender", note="男 或 女"),
        Target("position", synonyms=("职务", "岗位"), example="采购经理"),
        Target("department", synonyms=("所在部门", "任职部门")),
        Target("is_decider", synonyms=("决策人", "是否关键决策人"), note="是 或 否"),
        Target("primary", "首要联系人", field="", create=True, synonyms=("是否首要联系人",), note="是 或 否"),
        Target("birthday", synonyms=("出生日期",), example="1990-05-20"),
        Target("mobile", synonyms=("手机号", "手机号码", "移动电话", "联系人手机"), example="13800000000"),
        Target("phone", synonyms=("电话", "座机", "固定电话", "联系电话"), example="0512-65550186"),
        Target("email", synonyms=("Email", "电子邮箱", "邮件", "e-mail", "电子邮件")),
        Target("qq", synonyms=("QQ号", "QQ 号码")),
        Target("wechat", synonyms=("微信号",)),
        Target("address", synonyms=("联系地址", "详细地址", "通讯地址")),
        Target("postcode", synonyms=("邮政编码",)),
        Target("remark", synonyms=("备注信息", "说明", "描述")),
        *HISTORY,
    )

    def key_fields(self):
        return ("customer_id", "name")

    def allowed_targets(self, user):
        """首要联系人 follows the words and the right of the field the rule below sets."""
        fields, found = fieldset.of(modules.get("contact"), user), []
        for target in super().allowed_targets(user):
            if target.key == "primary":
                if not fields.editable("is_primary"):
                    continue
                target = replace(target, label=fields.label("is_primary"))
            found.append(target)
        return found

    def rows(self, chunk):
        if "email" in chunk.values:
            chunk.values["domain"] = [names.domain(email) for email in chunk.values["email"]]
        if texts := chunk.values.get("primary"):
            marked = []
            for row, text in enumerate(texts):
                try:
                    marked.append(bool(text) and yes_or_no(text))
                except ValidationError as error:
                    marked.append(False)
                    chunk.fail(row, "首要联系人", error.messages[0])
            chunk.values["primary"] = marked

    def before_create(self, chunk, rows):
        """The first contact of a customer becomes its primary one, or the first one marked so where the file says."""
        customers, marked = chunk.values["customer_id"], chunk.values.get("primary")
        wanted = {customers[row] for row in rows}
        taken = set(
            Contact.objects.live()
            .filter(customer_id__any=sorted(wanted), is_primary=True)
            .values_list("customer_id", flat=True)
        )
        primary = [False] * len(chunk)
        for row in rows:
            if customers[row] not in taken and (marked is None or marked[row]):
                primary[row] = True
                taken.add(customers[row])
        chunk.values["is_primary"] = primary


CUSTOMERS, CONTACTS = CustomerImporter(), ContactImporter()
