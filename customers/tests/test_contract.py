"""Customers and contacts through the record contract."""

from django.test import TestCase

from crm.records import search, services
from crm.testing import CANARY, RecordContract
from customers.models import Contact, Customer


class CustomerContract(RecordContract, TestCase):
    module_name = "customer"

    @classmethod
    def make(cls, owner, title):
        return services.create(Customer(name=title, owner=owner), by=owner)

    def form_data(self, title, owner):
        return {"name": title, "owner": owner.pk}

    def test_a_piece_of_a_hidden_phone_number_gives_no_hint(self):
        Customer.objects.filter(pk=self.canary.pk).update(phone="13900009999")
        search.index(self.module, [Customer.objects.get(pk=self.canary.pk)])
        hits = {
            value: len(self.get(self.seller, f"/customers/duplicates/?field=phone&value={value}").context["hits"])
            for value in ("1390000999", "3900009999", "13900009999", "139 0000 9999")
        }
        self.assertEqual(hits, {"1390000999": 0, "3900009999": 0, "13900009999": 1, "139 0000 9999": 1})

    def test_duplicate_hint_shows_of_a_hidden_customer_only_name_owner_and_department(self):
        Customer.objects.filter(pk=self.canary.pk).update(phone="13900009999", remark="机密备注")
        response = self.get(self.seller, f"/customers/duplicates/?field=name&value={CANARY}有限公司")
        hit = response.context["hits"][0]
        self.assertEqual(hit["action"].pop("url")[:28], "/transfer-requests/new/?cust")
        self.assertTrue(hit.pop("all_url").startswith("/duplicates/?q="))
        ask = {"label": "申请移交", "icon": "transfer", "dialog": True}
        fixed = {"name": CANARY, "type": "客户", "owner": "丙 · 华南", "url": "", "created": None}
        self.assertEqual(hit, {**fixed, "why": "名称相近", "action": ask})
        self.assertNotIn("13900009999", self.body(response))
        self.assertEqual(self.get(self.nobody, f"/customers/duplicates/?field=name&value={CANARY}").status_code, 403)


class ContactContract(RecordContract, TestCase):
    module_name = "contact"
    import_values = {"所属客户": "甲的公司"}

    @classmethod
    def make(cls, owner, title):
        customer = Customer.objects.filter(owner=owner).first() or services.create(
            Customer(name=f"{owner.name}的公司", owner=owner), by=owner
        )
        return services.create(Contact(name=title, customer=customer, owner=owner), by=owner)

    def form_data(self, title, owner):
        customer = Customer.objects.filter(owner=owner).first()
        return {"name": title, "owner": owner.pk, "customer": customer.pk if customer else ""}

    def test_child_tab_of_a_customer_shows_its_contacts_to_whoever_sees_the_customer(self):
        from crm.records import teams

        teams.add([self.canary.customer], [self.seller], write=False, by=self.stranger)
        page = self.get(self.seller, f"/customers/{self.canary.customer_id}/?tab=contacts")
        self.assertContains(page, CANARY)
        self.assertEqual(self.get(self.seller, f"/contacts/{self.canary.pk}/").status_code, 200)
        self.assertEqual(self.get(self.seller, f"/contacts/{self.canary.pk}/edit/").status_code, 403)

    def test_the_customer_filter_and_picker_do_not_reach_hidden_customers(self):
        hidden = self.canary.customer_id
        self.assertEqual(self.get(self.seller, f"/contacts/?customer={hidden}").context["pager"]["count"], 0)
        response = self.post(
            self.seller, "/contacts/new/", {"name": "混入", "owner": self.seller.pk, "customer": hidden}
        )
        self.assertIn("customer", response.context["form"].errors)

    def test_a_contact_cannot_be_added_below_a_customer_one_may_only_read(self):
        from crm.records import teams

        teams.add([self.canary.customer], [self.seller], write=False, by=self.stranger)
        data = {"name": "混入", "owner": self.seller.pk, "customer": self.canary.customer_id}
        response = self.post(self.seller, "/contacts/new/", data)
        self.assertContains(response, "您没有编辑该客户的权限")
        self.assertFalse(Contact.objects.filter(name="混入").exists())
        teams.add([self.canary.customer], [self.seller], write=True, by=self.stranger)
        self.assertEqual(self.post(self.seller, "/contacts/new/", data).status_code, 302)
