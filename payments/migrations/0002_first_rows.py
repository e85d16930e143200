"""How payments come in."""

from django.db import migrations

from crm.records.dictionaries import seed

METHODS = ["银行转账", "承兑汇票", "支票", "现金", "微信", "支付宝", "其他"]


def forward(apps, editor):
    seed(apps, {"payment.method": METHODS})


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("records", "0073_numbercounter")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
