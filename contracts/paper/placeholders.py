"""What may stand between braces in a template, and what a reader gets for it. The list is an allow-list: nothing is evaluated."""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.apps import apps
from django.utils import timezone

from crm.records import fieldset, formatting, modules
from crm.records.custom import definitions
from crm.records.custom.definitions import Type
from products.capitals import in_capitals
from products.lines import figures
from products.lines.tab import Sight

from ..lines.declared import DOCUMENT
from ..models import Contract

PATTERN = re.compile(r"\{([^{}\r\n]{1,60})\}")
TABLE = "产品明细"
CAPITALS = "金额大写"
# name -> field of the contract
OF_CONTRACT = {
    "合同编号": "number",
    "合同名称": "name",
    "客户名称": "customer",
    "商机": "opportunity",
    "合同类型": "kind",
    "金额": "amount",
    CAPITALS: "amount",
    "整单折扣": "discount",
    "签约日期": "signed_on",
    "开始日期": "starts_on",
    "结束日期": "ends_on",
    "客户签约人": "customer_signer",
    "公司签约人": "company_signer",
    "负责人": "owner",
    "备注": "remark",
}
OF_CUSTOMER = {"客户地址": "address", "客户电话": "phone"}
OF_PAPER = ("我方公司", "打印日期")
OF_LINE = ("序号", "产品名称", "产品编码", "单位", "数量", "单价", "折扣", "售价", "小计", "产品备注")
SAMPLE = {
    "合同编号": "HT-202611-0001",
    "合同名称": "MES 一期实施合同",
    "客户名称": "云澜智造有限公司",
    "商机": "MES 一期",
    "合同类型": "销售合同",
    "金额": "¥1,409.50",
    CAPITALS: "人民币壹仟肆佰零玖元伍角整",
    "整单折扣": "5%",
    "签约日期": "2026-11-21",
    "开始日期": "2026-12-01",
    "结束日期": "2027-11-30",
    "客户签约人": "李雷",
    "公司签约人": "韩梅梅",
    "负责人": "林晓岚",
    "备注": "款到发货",
    "客户地址": "江苏省苏州市工业园区 1 号",
    "客户电话": "0512-66668888",
}


@dataclass
class Filled:
    """Values by name; `lines` = one dictionary a product line; `columns` = the names of OF_LINE a table shows."""

    values: dict[str, str]
    lines: list[dict[str, str]] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    total: str = ""

    def text(self, source: str) -> str:
        """The text with what is known filled in, once: values are not read again."""
        return PATTERN.sub(lambda found: self.values.get(found[1].strip(), found[0]), source)


def custom_names() -> dict[str, str]:
    """{label: key} of the custom fields that can stand on paper; built-in names come first."""
    taken = {*OF_CONTRACT, *OF_CUSTOMER, *OF_PAPER, *OF_LINE, TABLE}
    return {
        one.label: key
        for key, one in definitions.custom("contract").items()
        if not one.retired and one.type != Type.FILES and one.label not in taken and not set(one.label) & set("{}\r\n")
    }


def offered() -> list[tuple[str, list[str]]]:
    """[(group, names)] for the settings page."""
    return [
        ("合同", list(OF_CONTRACT)),
        ("客户", list(OF_CUSTOMER)),
        ("其他", [*OF_PAPER, TABLE]),
        ("自定义字段", list(custom_names())),
        ("产品行（Word 表格的一行里，按产品重复）", list(OF_LINE)),
    ]


def names_in(text: str) -> set[str]:
    return {name.strip() for name in PATTERN.findall(text)}


def unknown(names: set[str], *, rows: bool) -> list[str]:
    """Those nobody knows; `rows` = product lines may repeat there."""
    known = {*OF_CONTRACT, *OF_CUSTOMER, *OF_PAPER, TABLE, *custom_names(), *(OF_LINE if rows else ())}
    return sorted(names - known)


def company() -> str:
    top = apps.get_model("orgs", "Department").objects.filter(parent=None).order_by("pk").first()
    return top.name if top else ""


def fill(contract: Contract, user) -> Filled:
    """What the reader may put on paper of a contract (or of a version of it): hidden fields are empty, masked ones masked."""
    fields = fieldset.of(modules.get("contract"), user)
    names = custom_names()
    fields.prepare([fields.by_key[key] for key in names.values() if key in fields.by_key], [contract])
    values = {name: fields.shown(contract, key) for name, key in {**OF_CONTRACT, **names}.items()}
    values["负责人"] = contract.owner.name if contract.owner else ""
    if fields.readable("amount"):
        values[CAPITALS] = f"人民币{in_capitals(contract.amount)}"
    if values["整单折扣"] and fields.readable("discount"):
        values["整单折扣"] = f"{figures.plain(contract.discount)}%"
    values |= _of_customer(contract, user)
    values |= {"我方公司": company(), "打印日期": formatting.day(timezone.localdate())}
    return with_lines(values, list(contract.lines.all()), contract.lines_total, Sight(DOCUMENT, user))


def _of_customer(contract: Contract, user) -> dict[str, str]:
    """Only for who sees the customer itself."""
    module = modules.get("customer")
    if not module.may(user, "view") or not module.rows(user).filter(pk=contract.customer_id).exists():
        return dict.fromkeys(OF_CUSTOMER, "")
    fields = fieldset.of(module, user)
    return {name: fields.shown(contract.customer, key) for name, key in OF_CUSTOMER.items()}


def with_lines(values: dict[str, str], lines, total: Decimal | None, sight) -> Filled:
    """The values with the product lines, as far as `sight` goes."""
    found = []
    for place, line in enumerate(lines, 1):
        found.append(
            {
                "序号": str(place),
                "产品名称": line.name,
                "产品编码": line.code,
                "单位": line.unit,
                "数量": figures.words(line.quantity),
                "单价": formatting.money(line.list_price) if sight.prices else "",
                "折扣": f"{figures.plain(line.discount)}%" if sight.prices and line.discount else "",
                "售价": formatting.money(line.price) if sight.money else "",
                "小计": formatting.money(line.subtotal) if sight.money else "",
                "产品备注": line.remark,
            }
        )
    hidden = {*(() if sight.money else ("售价", "小计")), *(() if sight.prices else ("单价", "折扣"))}
    if not any(row["折扣"] for row in found):
        hidden |= {"单价", "折扣"}
    columns = tuple(name for name in OF_LINE if name not in hidden and name != "产品备注")
    shown = formatting.money(total) if sight.money and total is not None else ""
    text = "\n".join(
        f"{row['序号']}. {row['产品名称']} {row['数量']} {row['单位']}".rstrip()
        + (f" × {row['售价']} = {row['小计']}" if sight.money else "")
        for row in found
    )
    return Filled({**values, TABLE: text}, found, columns, shown)


def sample() -> Filled:
    """What the preview of a template shows."""
    values = {**SAMPLE, "我方公司": company() or "开海科技", "打印日期": formatting.day(date(2026, 11, 21))}
    values |= {name: f"（{name}）" for name in custom_names()}
    rows = [
        ("采集网关", "GW-100", "台", "2", "¥500.00", "5%", "¥475.00", "¥950.00", "含安装"),
        ("实施服务", "SV-001", "人天", "1.5", "¥333.67", "", "¥333.67", "¥500.51", ""),
    ]
    lines = [dict(zip(OF_LINE, (str(n), *row), strict=True)) for n, row in enumerate(rows, 1)]
    values[TABLE] = "\n".join(f"{row['序号']}. {row['产品名称']} {row['数量']} {row['单位']}" for row in lines)
    return Filled(values, lines, OF_LINE[:-1], "¥1,409.50")
