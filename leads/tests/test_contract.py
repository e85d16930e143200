"""Leads through the record contract."""

from django.test import TestCase

from crm.testing import RecordContract
from leads.models import Lead
from leads.services import create_lead


class LeadContract(RecordContract, TestCase):
    module_name = "lead"
    brought = "已失效"  # the status an import brings along

    @classmethod
    def make(cls, owner, title):
        return create_lead(Lead(name=title, owner=owner), by=owner)

    def form_data(self, title, owner):
        return {"name": title, "owner": owner.pk}

    @property
    def import_values(self):
        people = {"指派人": self.manager.phone, "转化人": self.mate.phone}
        return {**people, "线索编号": "", "状态": self.brought}

    def test_an_import_over_existing_records_is_undone_but_for_what_was_edited_since(self):
        self.brought = "跟进中"  # a lead that was given up is not overwritten, see test_importing
        super().test_an_import_over_existing_records_is_undone_but_for_what_was_edited_since()
