"""Invoices through the record contract."""

from django.test import TestCase

from contracts.invoices.services import create_invoice
from contracts.models import Contract, Invoice
from contracts.tests import factories
from crm.testing import RecordContract


class InvoiceContract(RecordContract, TestCase):
    module_name = "invoice"
    title_form_field = "title"

    @classmethod
    def make(cls, owner, title):
        at = Contract.objects.filter(owner=owner, status="approved").first()
        at = at or factories.approved(owner, amount="9000000")
        return create_invoice(Invoice(contract=at, title=title, amount="100", owner=owner), by=owner)

    def form_data(self, title, owner):
        at = Contract.objects.filter(owner=owner, status="approved").first()
        return {"title": title, "owner": owner.pk, "amount": "100", "contract": at.pk if at else ""}

    @property
    def import_values(self):
        return {
            "合同编号": Contract.objects.filter(owner=self.seller, status="approved").first().number,
            "申请编号": "",
            "状态": "已作废",
            "作废方式": "红冲",
            "作废原因": "开错了",
            "发票号码": "26512000000000000001",
            "税号": "91320594MA1MXXXX0X",
        }

    def test_an_import_over_existing_records_is_undone_but_for_what_was_edited_since(self):
        """An invoice is known by its number alone, and one that has a number is not overwritten: see test_invoice_import."""
