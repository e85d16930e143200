from django.db import migrations

from crm.records.dictionaries import seed

VALUES = {
    "customer.churn_reason": ["价格", "产品不合适", "服务不满意", "被竞争对手抢走", "客户停业或搬迁", "没有需求", "其他"],
    "customer.plan_type": ["电话", "拜访", "微信"],
}


class Migration(migrations.Migration):
    dependencies = [("customers", "0040_care_and_churn")]
    operations = [migrations.RunPython(lambda apps, editor: seed(apps, VALUES), migrations.RunPython.noop)]
