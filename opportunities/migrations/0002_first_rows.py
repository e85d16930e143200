"""The first pipeline and the reasons for closing."""

from django.db import migrations

from crm.records.dictionaries import seed

REASONS = ["价格过高", "需求取消", "预算不足", "选择竞争对手", "长期无进展", "信息有误", "其他"]
STAGES = [("初步接洽", 10), ("需求确认", 30), ("方案报价", 50), ("商务谈判", 80)]


def forward(apps, editor):
    seed(apps, {"opportunity.close_reason": REASONS})
    pipeline = apps.get_model("opportunities", "Pipeline").objects.create(name="标准销售流程", is_default=True, order=10)
    for order, (name, probability) in enumerate(STAGES, 1):
        pipeline.stages.create(name=name, probability=probability, order=order * 10)


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0001_initial"), ("records", "0073_numbercounter")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
