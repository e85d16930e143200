"""Opportunities through the record contract."""

from django.test import TestCase

from crm.records import services
from crm.testing import RecordContract
from customers.models import Contact, Customer
from opportunities import pipelines
from opportunities.models import Opportunity
from opportunities.services import create_opportunity


class OpportunityContract(RecordContract, TestCase):
    module_name = "opportunity"
    import_values = {
        "客户": "甲的公司",
        "决策人": "许一诺",
        "商机阶段": "方案报价",
        "状态": "输单",
        "关闭时间": "2026-02-03 15:30",
        "关闭原因": "价格过高",
        "关闭说明": "对手低两成",
    }
    open_values = {"状态": "", "关闭时间": "", "关闭原因": "", "关闭说明": ""}

    @classmethod
    def make(cls, owner, title):
        customer = Customer.objects.filter(owner=owner).first() or services.create(
            Customer(name=f"{owner.name}的公司", owner=owner), by=owner
        )
        pipeline = pipelines.default()
        stage = pipelines.first_stage(pipeline)
        Contact.objects.get_or_create(name="许一诺", customer=customer, owner=owner)
        return create_opportunity(
            Opportunity(name=title, customer=customer, owner=owner, pipeline=pipeline, stage=stage), by=owner
        )

    def form_data(self, title, owner):
        customer = Customer.objects.filter(owner=owner).first()
        return {
            "name": title,
            "owner": owner.pk,
            "customer": customer.pk if customer else "",
        }
