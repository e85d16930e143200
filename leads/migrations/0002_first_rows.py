"""The first lead pool and the reasons for giving a lead up."""

from django.db import migrations

from crm.records.dictionaries import seed

REASONS = ["无法联系", "没有需求", "预算不足", "重复线索", "信息有误", "已选其他供应商", "其他"]
HIDDEN = ["lead.mobile", "lead.phone", "lead.email"]


def forward(apps, editor):
    seed(apps, {"lead.dead_reason": REASONS, "lead.campaign": ["春季展会", "线上研讨会"]})
    apps.get_model("customers", "Pool").objects.create(
        kind="lead", name="线索池", is_default=True, hidden=HIDDEN, former_days=7
    )


class Migration(migrations.Migration):
    dependencies = [("leads", "0001_initial"), ("customers", "0050_pool_removed_at")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
