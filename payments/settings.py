"""What a company may set about payments."""

from crm.records import params

params.declare(
    params.Param(
        "plan_limit",
        "回款计划超过合同金额",
        "forbid",
        "禁止：计划合计超过合同金额时不能保存；提醒：可以保存，合同页上提示。",
        kind="choice",
        choices=(("forbid", "禁止"), ("warn", "提醒")),
    )
)
