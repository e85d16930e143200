from django.db import migrations

from crm.records.dictionaries import seed

VALUES = {
    "customer.type": ["潜在客户", "意向客户", "成交客户", "合作伙伴"],
    "customer.level": ["A 重点", "B 普通", "C 非优先"],
    "customer.status": ["初步接触", "需求沟通", "方案报价", "合作中", "暂停"],
    "customer.intent": ["高", "中", "低"],
    "customer.relation": ["供应商", "渠道", "竞争对手", "合作伙伴", "终端客户"],
    "customer.industry": ["教育/培训", "电子商务", "对外贸易", "其他"],
    "customer.source": ["电话营销", "网络营销", "老客户介绍", "市场活动", "其他"],
    "customer.nature": ["合资", "国企", "事业单位", "民营", "其他"],
    "customer.annual_turnover": ["0-10万", "10-20万", "20-50万", "50万以上"],
    "customer.region": ["华东", "华南", "华北", "华中", "西南", "西北", "东北", "港澳台"],
    "customer.employees": ["5-20人", "20-50人", "50人以上"],
    "contact.salutation": ["先生", "女士", "老师", "医生", "博士", "教授"],
}


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_initial"), ("records", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, editor: seed(apps, VALUES), migrations.RunPython.noop)]
