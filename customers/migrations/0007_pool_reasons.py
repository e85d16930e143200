from django.db import migrations

from crm.records.dictionaries import seed

VALUES = {"pool.reason": ["暂无需求", "联系不上", "价格不合适", "选择了竞争对手", "不是目标客户", "其他"]}


class Migration(migrations.Migration):
    dependencies = [("customers", "0006_owner_or_pool"), ("records", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, editor: seed(apps, VALUES), migrations.RunPython.noop)]
