"""The parts people play in a decision."""

from django.db import migrations

from crm.records.dictionaries import seed

ROLES = ["决策者", "技术把关", "使用者", "采购", "财务", "影响者", "内部支持者"]


def forward(apps, editor):
    seed(apps, {"opportunity.role": ROLES})


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0010_stakeholders"), ("records", "0073_numbercounter")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
