"""The kinds of requests a company starts with."""

from django.db import migrations

FIELDS = {
    "reason": ("text", "事由", True, ()),
    "leave_kind": ("choice", "请假类型", True, ("年假", "事假", "病假", "调休", "婚假", "产假", "其他")),
    "leave_from": ("moment", "请假开始", True, ()),
    "leave_to": ("moment", "请假结束", True, ()),
    "leave_days": ("number", "请假天数", True, ()),
    "cost": ("money", "报销金额", True, ()),
    "cost_kind": ("choice", "费用类别", True, ("交通", "住宿", "餐饮", "办公", "招待", "其他")),
    "cost_day": ("date", "发生日期", False, ()),
    "papers": ("files", "单据与文件", False, ()),
    "seal": ("choice", "印章", True, ("公章", "合同专用章", "财务专用章", "法人章")),
    "paper": ("line", "文件名称", True, ()),
    "copies": ("number", "用印份数", True, ()),
    "place": ("line", "出差地点", True, ()),
    "trip_from": ("date", "出差开始", True, ()),
    "trip_to": ("date", "出差结束", True, ()),
    "trip_cost": ("money", "预计费用", False, ()),
}
TYPES = [
    ("请假", "calendar", "QJ-{yyyy}{mm}-{seq:3}", "年假、事假、病假和调休", ("leave_kind", "leave_from", "leave_to", "leave_days", "reason")),
    ("费用报销", "payment", "BX-{yyyy}{mm}-{seq:3}", "交通、住宿、招待等费用", ("cost", "cost_kind", "cost_day", "reason", "papers")),
    ("用印", "approval", "YY-{yyyy}{mm}-{seq:3}", "公章、合同章等用印", ("seal", "paper", "copies", "reason", "papers")),
    ("出差", "visit", "CC-{yyyy}{mm}-{seq:3}", "出差安排和预计费用", ("place", "trip_from", "trip_to", "trip_cost", "reason")),
]


def forward(apps, schema_editor):
    definition, kind = apps.get_model("records", "FieldDefinition"), apps.get_model("approvals", "RequestType")
    made = {}
    for order, (key, (type_, label, required, options)) in enumerate(FIELDS.items()):
        made[key] = definition.objects.create(
            module="request",
            type=type_,
            label=label,
            required=required,
            order=10_000 + order,
            in_list=False,
            in_filter=type_ != "files",
            options=[{"id": n, "label": text, "off": False} for n, text in enumerate(options, 1)],
        )
    for order, (name, icon, pattern, note, keys) in enumerate(TYPES):
        kind.objects.create(
            name=name, icon=icon, pattern=pattern, note=note, order=order, fields=[made[key].pk for key in keys]
        )


class Migration(migrations.Migration):
    dependencies = [("approvals", "0030_requests"), ("records", "0073_numbercounter")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
