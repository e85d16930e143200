"""Plans and payments through the record contract. Their titles are numbers; what a person writes is the remark."""

from decimal import Decimal

from django.test import TestCase

from contracts.models import Contract
from contracts.tests.factories import approved
from crm.records.bulkedit.forms import EditManyForm
from crm.testing import XSS, RecordContract
from orgs.services import fields as verbs
from payments import services
from payments.models import Payment, PaymentPlan

AMOUNT = "999999999999.99"


def contract_of(owner) -> Contract:
    return Contract.objects.filter(owner=owner).first() or approved(owner, amount=AMOUNT)


class _OfContracts(RecordContract):
    title_form_field = "remark"
    least_texts = 2

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        approved(cls.superuser, amount=AMOUNT, name="超管的合同")

    def form_data(self, title, owner):
        return {
            "contract": contract_of(owner).pk,
            "amount": "12.50",
            "owner": owner.pk,
            "remark": title,
            **self.more,
        }

    def test_the_printed_list_holds_the_selected_rows_within_reach_and_the_persons_columns(self):
        self.post(self.editor, self.module.columns_url, {"columns": ["remark"]})
        super().test_the_printed_list_holds_the_selected_rows_within_reach_and_the_persons_columns()

    def test_a_built_in_field_can_be_renamed_demanded_and_hidden(self):
        change = {"label": "公司的叫法", "required": True}
        verbs.change_builtin(self.module.name, "method", change, by=self.superuser)
        again = self.post(self.editor, self.module.new_url, self.form_data("缺必填", self.editor)).context["form"]
        self.assertEqual(again.errors["method"], ["请选择公司的叫法"])
        hidden = {"required": False, "in_form": False, "in_list": False, "in_filter": False}
        verbs.change_builtin(self.module.name, "method", hidden, by=self.superuser)
        self.assertNotIn("公司的叫法", self.body(self.get(self.editor, self.module.url(pk=self.mine.pk))))
        self.assertNotIn("method", self.get(self.editor, self.module.new_url).context["form"].fields)

    def test_bulk_edit_offers_every_field_the_person_may_edit_and_no_other(self):
        form = EditManyForm(user=self.editor, module=self.module, rows=None)
        self.assertEqual(set(form.offered), self.many)

    def test_bulk_edit_refuses_fields_outside_the_form_and_leaves_everything_as_it_was(self):
        before = self.columns_of(self.mine)
        for key in (
            "owner",
            "amount",
            "contract",
            "customer",
            "status",
            "received",
            "period",
            "number",
            "version",
            XSS,
        ):
            response = self.choose(self.editor, [self.mine], many_fields=[key])
            self.assertContains(response, "这些字段不能批量修改", msg_prefix=key)
        self.assertEqual(self.columns_of(self.mine), before)


class PlanContract(_OfContracts, TestCase):
    module_name = "payment_plan"
    more = {"due_on": "2026-12-01"}
    many = {"remark", "method", "remind_days"}

    @classmethod
    def make(cls, owner, title):
        plan = PaymentPlan(contract=contract_of(owner), amount=Decimal("10"), due_on="2026-12-01", remark=title)
        return services.create_plan(plan, by=owner)

    def test_an_export_imported_into_an_empty_company_exports_the_same_cell_by_cell(self):
        """Its title is a number nobody imports: test_import.py."""

    test_an_import_over_existing_records_is_undone_but_for_what_was_edited_since = (
        test_an_export_imported_into_an_empty_company_exports_the_same_cell_by_cell
    )


class PaymentContract(_OfContracts, TestCase):
    module_name = "payment"
    more = {"paid_on": "2026-11-01", "type": "receipt"}
    many = {"remark", "method", "paid_on"}
    import_values = {"合同": "超管的合同", "状态": "已通过"}
    open_values = {"状态": "草稿", "提成结算时间": ""}

    @classmethod
    def make(cls, owner, title):
        payment = Payment(contract=contract_of(owner), amount=Decimal("10"), paid_on="2026-11-01", remark=title)
        return services.create_payment(payment, by=owner)
