from django.db import migrations

from crm.records.dictionaries import seed

VALUES = {"product.unit": ["个", "台", "套", "件", "箱", "吨", "千克", "米", "年", "人天"]}


class Migration(migrations.Migration):
    dependencies = [("products", "0002_initial"), ("records", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, editor: seed(apps, VALUES), migrations.RunPython.noop)]
