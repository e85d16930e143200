"""Rights on the built-in fields of customers and contacts: a hidden or masked phone is nowhere to be had."""

import json

from django.test import TestCase

from crm.records import fieldset, services, teams
from crm.records.followups import services as followups
from crm.records.tests.test_followups import values
from customers.models import Contact, Customer
from customers.services import create_customer
from orgs.tests.factories import client_for, employee, role

PHONE, MOBILE, EMAIL = "13911112222", "13933334444", "canary@example.com"


class PhoneRights(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.seller = employee("甲", ["seller"])
        cls.customer = create_customer(
            Customer(name="青岚科技", owner=cls.seller, phone=PHONE),
            by=cls.seller,
            contact={"name": "许一诺", "mobile": MOBILE, "email": EMAIL},
        )
        cls.contact = Contact.objects.get()
        services.update(cls.customer, {"phone": "13911112223"}, version=1, by=cls.seller)
        cls.customer.refresh_from_db()
        services.update(cls.customer, {"phone": PHONE}, version=2, by=cls.seller)

    def restrict(self, level):
        own = role("seller")
        own.field_rights = {
            "customer": {"phone": level},
            "contact": {"mobile": level, "phone": level, "email": level},
        }
        own.save()
        return client_for(self.seller)

    def pages(self):
        customer, contact = f"/customers/{self.customer.pk}/", f"/contacts/{self.contact.pk}/"
        tabs = [
            f"{url}?tab={tab}"
            for url in (customer, contact)
            for tab in ("followups", "fields", "contacts", "log", "team", "files")
        ]
        return [
            "/",
            "/customers/",
            "/contacts/",
            "/customers/?view=mine",
            customer,
            contact,
            *tabs,
            f"{customer}edit/",
            f"{contact}edit/",
            f"{customer}follow/",
            f"{contact}follow/",
            "/follow-ups/",
            "/search/?q=青岚",
            "/pick/customer/?q=青岚",
            "/pick/contact/?q=许一诺",
            "/customers/conditions/",
            "/customers/new/",
            f"/customers/bulk/delete/?ids={self.customer.pk}",
            "/customers/duplicates/?field=name&value=青岚科技有限公司",
        ]

    def test_hidden_and_masked_numbers_are_on_no_page(self):
        followups.write(self.customer, values("电话沟通"), by=self.seller)
        for level in (fieldset.HIDDEN, fieldset.MASKED):
            client = self.restrict(level)
            for url in self.pages():
                response = client.get(url)
                self.assertIn(response.status_code, (200, 404), url)
                text = response.content.decode()
                for secret in (PHONE, MOBILE, EMAIL, "139 1111 2222", "139 3333 4444", "13911112223", "139 1111 2223"):
                    self.assertNotIn(secret, text, f"{level} {url}")
            for module in ("customers", "contacts"):
                file = client.post(f"/{module}/export/", {"filter": "", "format": "csv", "columns": "all"})
                text = b"".join(file.streaming_content).decode()
                for secret in (PHONE, MOBILE, EMAIL):
                    self.assertNotIn(secret, text, f"{level} export {module}")

    def test_masked_numbers_show_their_ends_and_hidden_ones_nothing(self):
        page = self.restrict(fieldset.MASKED).get(f"/customers/{self.customer.pk}/")
        self.assertContains(page, "139****2222")
        self.assertContains(page, "139****4444")
        page = self.restrict(fieldset.HIDDEN).get(f"/customers/{self.customer.pk}/?tab=fields")
        self.assertNotContains(page, "****")

    def test_nobody_finds_by_a_number_they_may_not_read(self):
        for level, expected in ((fieldset.HIDDEN, 0), (fieldset.MASKED, 0), (fieldset.READ, 1)):
            client = self.restrict(level)
            for url in (
                f"/customers/?q={PHONE}",
                f"/customers/?q={MOBILE}",
                f"/customers/?q={PHONE[3:]}",
                f"/contacts/?q={MOBILE}",
            ):
                self.assertEqual(client.get(url).context["pager"]["count"], expected, f"{level} {url}")
            groups = client.get(f"/search/?q={MOBILE}").context["groups"]
            self.assertEqual(bool(groups), bool(expected))
            picked = json.loads(client.get(f"/pick/customer/?q={PHONE}").content)["results"]
            self.assertEqual(len(picked), expected)
            filtered = client.get("/contacts/?phone=3333")
            self.assertEqual("phone" in filtered.context["filters"].fields, level >= fieldset.READ)

    def test_an_import_cannot_fill_what_the_importer_may_not_edit(self):
        from crm.records import modules
        from crm.records.importing import targets

        self.restrict(fieldset.READ)
        fresh = type(self.seller).objects.get(pk=self.seller.pk)
        module = modules.get("customer")
        offered = {target.key for target in targets.importer_of(module).allowed_targets(fresh)}
        self.assertNotIn("phone", offered)
        self.assertIn("name", offered)

    def test_a_grant_gives_rows_but_no_fields(self):
        other = employee("乙", ["seller"])
        self.restrict(fieldset.HIDDEN)
        teams.add([self.customer], [other], write=True, by=self.seller)
        self.assertNotContains(client_for(other).get(f"/customers/{self.customer.pk}/?tab=fields"), PHONE)
