from django.db import migrations

from crm.records.dictionaries import seed

VALUES = {
    "followup.method": ["电话", "邮件", "上门拜访", "短信", "微信", "会议", "其他"],
    "followup.topic": ["初次接触", "需求沟通", "方案与报价", "商务谈判", "合同与回款", "售后回访", "其他"],
}
TEXTS = [
    "电话未接通，改天再联系。",
    "已发送产品资料，等待客户反馈。",
    "客户暂无需求，约定下个季度再联系。",
    "已发送报价单，客户内部讨论中。",
]


def fill(apps, editor):
    seed(apps, VALUES)
    phrase = apps.get_model("records", "QuickText")
    if not phrase.objects.filter(user=None).exists():
        phrase.objects.bulk_create([phrase(text=text) for text in TEXTS])


class Migration(migrations.Migration):
    dependencies = [("records", "0030_followups")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
