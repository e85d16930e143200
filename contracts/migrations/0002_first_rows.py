"""The kinds of contracts and invoices."""

from django.db import migrations

from crm.records.dictionaries import seed

KINDS = ["销售", "实施", "订阅", "服务", "框架"]
INVOICES = ["增值税专用发票", "增值税普通发票", "电子专用发票", "电子普通发票"]


def forward(apps, editor):
    seed(apps, {"contract.kind": KINDS, "invoice.kind": INVOICES})


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial"), ("records", "0073_numbercounter")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
