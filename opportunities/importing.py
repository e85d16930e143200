"""How opportunities are imported."""

from crm.records.importing.targets import OWNER, Importer, Target
from customers.importing import HISTORY, customers_by_name

from .models import Pipeline, Stage
from .models.opportunity import OF_LINES


def pipelines_by_name(user, names) -> dict[str, object]:
    """{name: id or sentence}; an empty cell is the default pipeline."""
    known = {one.name: one.pk for one in Pipeline.objects.filter(enabled=True)}
    known[""] = Pipeline.objects.filter(is_default=True).values_list("pk", flat=True).first()
    return {name: known.get(name, f"没有“{name[:30]}”这个商机组") for name in names}


class OpportunityImporter(Importer):
    module = "opportunity"
    key_label, key_targets, duplicate_message = "客户、商机名称", ("customer", "name"), "该客户下已有同名商机"
    targets = (
        Target("name", synonyms=("商机", "名称", "机会名称"), example="数据中台一期"),
        Target(
            "customer",
            lookup=customers_by_name,
            create=True,
            synonyms=("客户名称", "所属客户", "公司"),
            example="云澜智造科技（苏州）有限公司",
            note="系统中您可编辑的客户的全名",
        ),
        Target("owner", lookup=OWNER, create=True, synonyms=("业务员", "销售", "跟进人"), note="空着就是您自己"),
        Target(
            "pipeline",
            lookup=pipelines_by_name,
            create=True,
            synonyms=("商机流程", "销售流程"),
            note="空着就是默认的商机组",
            options=lambda: list(Pipeline.objects.filter(enabled=True).values_list("name", flat=True)),
        ),
        Target(
            "stage",
            "商机阶段",
            field="",
            create=True,
            synonyms=("阶段", "销售阶段"),
            note="空着就是第一个阶段",
            options=lambda: list(dict.fromkeys(Stage.objects.values_list("name", flat=True))),
        ),
        Target("amount", synonyms=("金额", "预计金额", "商机金额"), example="120000.00"),
        Target("expected_on", synonyms=("预计成交时间", "结单日期"), example="2026-03-31"),
        Target("source", synonyms=("来源",)),
        Target("competitors", synonyms=("竞品",), example="海蓝软件"),
        Target("next_contact_at", synonyms=("下次跟进时间",), example="2026-01-31 14:00"),
        Target("remark", synonyms=("说明",)),
        *HISTORY,
    )

    def key_fields(self):
        return ("customer_id", "name")

    def refuse(self, record):
        if record.lines_total is not None and record.amount != record.lines_total:
            return "预计成交金额", OF_LINES
        return None


OPPORTUNITIES = OpportunityImporter()
