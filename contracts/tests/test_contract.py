"""Contracts through the record contract."""

from django.test import TestCase

from contracts.models import Contract
from contracts.services import create_contract
from crm.records import fieldset, services
from crm.testing import RecordContract
from customers.models import Contact, Customer
from opportunities.models import Opportunity
from opportunities.tests.factories import opportunity


class ContractContract(RecordContract, TestCase):
    module_name = "contract"
    import_values = {
        "客户": "甲的公司",
        "商机": "MES 一期",
        "客户签约人": "许一诺",
        "公司签约人": "甲",
        "状态": "已作废",
        "合同编号": "旧-2025-001",
        "提交时间": "2026-02-01 09:00",
        "通过时间": "2026-02-01 10:00",
        "执行状态": "已关闭",
        "完成或关闭时间": "2026-03-01 10:00",
        "关闭原因": "客户业务调整",
        "作废时间": "2026-03-02 10:00",
        "作废原因": "重新签订",
    }
    open_values = {
        "状态": "",
        "合同编号": "",
        "提交时间": "",
        "通过时间": "",
        "执行状态": "",
        "完成或关闭时间": "",
        "关闭原因": "",
        "作废时间": "",
        "作废原因": "",
    }

    @classmethod
    def make(cls, owner, title):
        customer = Customer.objects.filter(owner=owner).first() or services.create(
            Customer(name=f"{owner.name}的公司", owner=owner), by=owner
        )
        if not Opportunity.objects.filter(customer=customer).exists():
            Contact.objects.get_or_create(name="许一诺", customer=customer, owner=owner)
            opportunity(owner, customer, name="MES 一期")
        made = Contract(name=title, customer=customer, owner=owner, signed_on="2026-11-01", amount="1200.50")
        return create_contract(made, by=owner)

    def form_data(self, title, owner):
        customer = Customer.objects.filter(owner=owner).first()
        return {
            "name": title,
            "owner": owner.pk,
            "customer": customer.pk if customer else "",
            "amount": "100",
            "signed_on": "2026-11-01",
        }

    def test_the_printed_record_has_company_date_and_the_fields_the_person_may_read(self):
        """The paper goes to the customer: who printed it when does not stand on it."""
        key, person = self.restrict(fieldset.HIDDEN)
        page = self.get(self.editor, self.module.url("print", self.mine.pk))
        self.assertContains(page, "秘密内容七七")
        self.assertContains(page, "data-print-now")
        self.assertNotContains(page, "打印于")
        self.assertNotContains(self.get(person, self.module.url("print", self.mine.pk)), "秘密内容")
