from django.db import migrations

from crm.records.dictionaries import seed

VALUES = {"customer.link": ["母公司", "子公司", "同一老板", "合作", "其他"]}


class Migration(migrations.Migration):
    dependencies = [("customers", "0020_merge_and_ties"), ("records", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, editor: seed(apps, VALUES), migrations.RunPython.noop)]
