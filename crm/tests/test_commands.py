"""demo, seed, routes and bench: what the commands make and say."""

import json
import os
import tempfile
from unittest import mock

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, models
from django.db.models import Count
from django.test import TestCase, override_settings
from django.utils import timezone

from approvals.models import Approval, Status
from contracts import execution, outcomes, services
from contracts.models import Contract, Execution
from contracts.tests import factories
from crm import bench, demodata, seeding
from crm.demodata.company import ACCOUNTS, DEPARTMENTS, PASSWORD
from crm.records import modules, scope, search
from crm.records.followups.services import keep_dates
from crm.records.models import Attachment, FollowUp, FollowUpComment, OperationLog, SearchRow, Star
from customers.models import Contact, Customer, CustomerGrant
from leads.models import Lead
from leads.services import create_lead
from opportunities import counting
from opportunities.models import Competitor, Opportunity, Pipeline, Stakeholder, Tick
from orgs.models import Department, Employee
from products.models import Category, Product

pytestmark = pytest.mark.django_db


def said(*arguments, **options) -> str:
    """What a command printed."""
    from io import StringIO

    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def lines_match(model, pick: int = 40) -> None:
    """The search lines of some records are what the services would have written."""
    module = modules.of_model(model)
    kind = ContentType.objects.get_for_model(model)
    for record in model.objects.order_by("pk")[:pick]:
        stored = sorted(SearchRow.objects.filter(content_type=kind, object_id=record.pk).values_list("key", "text"))
        assert stored == sorted(search.rows_for(search.values_of(module, record)))


class TestDemo(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.files.cleanup)
        stored = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": cls.files.name}}
        cls.enterClassContext(override_settings(STORAGES={**settings.STORAGES, "default": stored}))
        super().setUpClass()

    @classmethod
    def setUpTestData(cls):
        said("demo")

    def test_the_accounts_sign_in_and_reach_what_their_role_says(self):
        assert Department.objects.count() == len(DEPARTMENTS) + 1
        seen = {}
        for phone, *_ in ACCOUNTS:
            person = Employee.objects.get(phone=phone)
            assert person.check_password(PASSWORD) and not person.must_change_password
            reach = person.scope_for("customer.view")
            seen[phone[-2:]] = None if reach is None else Customer.objects.allowed(person, "view").count()
        assert Customer.objects.live().count() >= 300
        live = Customer.objects.live().exclude(owner=None).count()  # the rest lies in the pools
        assert seen["01"] == seen["02"] == seen["31"] == seen["41"] == live and seen["03"] is None
        sellers = {
            phone: Customer.objects.live().filter(owner__phone=f"138000000{phone}").count()
            for phone in ("12", "13", "22")
        }
        assert all(count > 50 for count in sellers.values())
        assert seen["11"] >= sellers["12"] + sellers["13"] and seen["12"] < seen["11"] < live
        answer = self.client.post("/login/", {"username": "13800000012", "password": PASSWORD})
        assert answer.status_code == 302 and answer.url == "/"

    def test_the_superiors_are_set(self):
        above = dict(Employee.objects.values_list("phone", "supervisor__phone"))
        assert above["13800000012"] == above["13800000013"] == "13800000011" and above["13800000022"] == "13800000021"

    def test_every_record_passes_its_own_checks(self):
        for model in (Customer, Contact, Product):
            for record in model.objects.live().order_by("?")[:25]:
                record.full_clean()

    def test_each_customer_has_one_primary_contact_and_at_most_three(self):
        counts = Customer.objects.annotate(
            all=Count("contacts"), primary=Count("contacts", filter=models.Q(contacts__is_primary=True))
        )
        assert {customer.primary for customer in counts} == {1}
        assert {customer.all for customer in counts} == {1, 2, 3}

    def test_nothing_lies_in_the_future_and_a_year_is_covered(self):
        now = timezone.now()
        for model in (Customer, Contact, Product, OperationLog, Attachment):
            assert not model.objects.filter(created_at__gt=now).exists()
        first = Customer.objects.order_by("created_at").values_list("created_at", flat=True)[0]
        assert 330 < (now - first).days < 380
        assert Customer.objects.filter(created_at__gte=now - timezone.timedelta(days=7)).count() >= 10
        order = list(
            OperationLog.objects.filter(code__endswith=".created").order_by("pk").values_list("created_at", flat=True)
        )
        assert order == sorted(order)

    def test_opportunities_of_every_state_agree_with_their_stays_and_customers(self):
        live = Opportunity.objects.live()
        assert live.count() >= 80 and Pipeline.objects.count() == 2
        states = dict(live.order_by().values_list("state").annotate(n=Count("pk")))
        assert set(states) == {"open", "won", "lost", "void"} and min(states.values()) >= 3
        assert Stakeholder.objects.exists() and Competitor.objects.exists() and Tick.objects.exists()
        for one in live.order_by("?")[:25]:
            one.full_clean()
            last = one.entries.last()
            assert (last.state, last.left_at is None) == (one.state, one.state == "open")
        assert counting.recheck() == 0

    def test_contracts_stand_in_every_state_and_agree_with_their_customers(self):
        live = Contract.objects.live()
        for field, values in (("status", Status.values), ("execution", Execution.values)):
            counts = dict(live.order_by().values_list(field).annotate(n=Count("pk")))
            assert set(counts) == set(values) and min(counts.values()) >= 3, counts
        assert live.filter(renewed_from__isnull=False).count() >= 3 and live.filter(quotation__isnull=False).exists()
        for one in live.order_by("?")[:25]:
            one.full_clean()
            assert (one.number != "") == (one.status != "draft"), one
            assert one.versions.count() == one.edition
        numbers = list(live.exclude(number="").values_list("number", flat=True))
        assert len(numbers) == len(set(numbers))
        assert outcomes.recheck() == 0
        assert execution.follow_dates(timezone.now()) == "更新 0 个合同"
        waiting = Approval.objects.filter(state="pending", document="contract").values("object_id")
        assert live.filter(status="pending").count() == live.filter(pk__in=waiting, status="pending").count() >= 3

    def test_what_hangs_on_the_customers_is_there(self):
        assert CustomerGrant.objects.current().exists() and CustomerGrant.objects.exclude(until=None).exists()
        assert Star.objects.exists() and Customer.objects.trashed().count() >= 5
        assert {file.mime for file in Attachment.objects.all()} >= {"text/plain", "image/png", "application/pdf"}
        for file in Attachment.objects.all():
            with file.file.open("rb") as stored:
                assert len(stored.read()) == file.size > 0
        assert Product.objects.count() >= 20 and Category.objects.filter(parent__isnull=False).count() >= 5

    def test_follow_ups_agree_with_the_dates_of_their_customers(self):
        assert FollowUp.objects.count() >= 3000 and FollowUpComment.objects.count() >= 100
        assert not FollowUp.objects.filter(created_at__gt=timezone.now()).exists()
        assert dates_agree()
        order = list(FollowUp.objects.order_by("pk").values_list("created_at", flat=True))
        assert order == sorted(order)
        for one in FollowUp.objects.order_by("?")[:25]:
            one.full_clean()

    def test_search_finds_them(self):
        for model in (Customer, Contact, Product):
            lines_match(model)

    def test_a_second_call_changes_nothing(self):
        before = {model: model.objects.count() for model in (Employee, Customer, Contact, OperationLog)}
        assert "已经存在" in said("demo")
        assert {model: model.objects.count() for model in before} == before
        assert demodata.exists()


def dates_agree() -> bool:
    """Whether 最后跟进时间 and 下次联系时间 of every customer are what the services would set."""
    rows = Customer.objects.order_by("pk").values_list("pk", "last_followed_at", "next_contact_at")
    before, kind = list(rows), ContentType.objects.get_for_model(Customer).pk
    keep_dates([(kind, pk) for pk, _, _ in before])
    return before == list(rows.all())


class TestSeed(TestCase):
    @classmethod
    def setUpTestData(cls):
        said("seed", customers=1000, employees=50)

    def test_the_proportions(self):
        assert Customer.objects.count() == 1000 and Employee.objects.filter(phone__startswith="199").count() == 50
        assert Customer.objects.filter(owner=None).count() == 200 and Customer.objects.trashed().count() == 50
        busiest = (
            Customer.objects.live().exclude(owner=None).values("owner").annotate(n=Count("pk")).order_by("-n")[0]["n"]
        )
        assert busiest >= 18
        assert CustomerGrant.objects.count() == 300 and 1000 < Contact.objects.count() < 1400
        assert max(department.depth for department in Department.objects.all()) == 4

    def test_rows_are_what_the_services_would_have_written(self):
        for model in (Customer, Contact):
            lines_match(model)
        for customer in Customer.objects.live().exclude(owner=None)[:20]:
            customer.full_clean()
        assert (
            not Contact.objects.filter(is_primary=True)
            .values("customer")
            .annotate(n=Count("pk"))
            .filter(n__gt=1)
            .exists()
        )
        owners = Contact.objects.values_list("owner", "customer__owner")
        assert all(own == theirs for own, theirs in owners)

    def test_opportunities_and_leads_are_what_the_services_would_have_written(self):
        assert Opportunity.objects.count() == 300 and Lead.objects.count() == 100
        for model in (Opportunity, Lead):
            lines_match(model)
            assert (
                OperationLog.objects.filter(code=f"{model._meta.model_name}.created").count() == model.objects.count()
            )
        for opportunity in Opportunity.objects.select_related("stage", "customer")[:50]:
            opportunity.full_clean()
            stays = list(opportunity.entries.all())
            assert stays[0].entered_at == opportunity.created_at and opportunity.customer.deleted_at is None
            assert (stays[-1].left_at is None) == (opportunity.state == "open")
            assert [one.entered_at for one in stays] == sorted(one.entered_at for one in stays)
            assert [one for one in stays if one.stage_id][-1].stage_id == opportunity.stage_id
        for lead in Lead.objects.all()[:50]:
            lead.full_clean()
        later = create_lead(Lead(name="后来的", owner=Employee.objects.first()), by=Employee.objects.first())
        assert Lead.objects.filter(number=later.number).count() == 1

    def test_contracts_are_what_the_services_would_have_written(self):
        assert Contract.objects.count() == 200
        lines_match(Contract)
        for one in Contract.objects.select_related("customer")[:50]:
            one.full_clean()
            assert one.customer.deleted_at is None and one.owner_id == one.customer.owner_id
            assert one.versions.count() == one.edition
        assert OperationLog.objects.filter(code="contract.created").count() == 200
        assert outcomes.recheck() == 0
        later = services.submit(
            factories.contract(Employee.objects.first(), name="后来的"), by=Employee.objects.first()
        )
        assert Contract.objects.filter(number=later.number).count() == 1

    def test_owned_customers_have_follow_ups_that_their_dates_agree_with(self):
        assert 1000 < FollowUp.objects.count() < 1800 and dates_agree()
        assert not FollowUp.objects.exclude(author__in=Customer.objects.live().values("owner")).exists()

    def test_more_can_be_added_and_keys_go_on(self):
        said("seed", customers=100, seed=2)
        customer = Customer.objects.create(name="后来的", owner=Employee.objects.first())
        assert Customer.objects.count() == 1101 and customer.pk == Customer.objects.order_by("-pk").first().pk

    def test_managers_reach_their_departments(self):
        manager = (
            Department.objects.filter(manager__isnull=False, parent__isnull=False).order_by("path").first().manager
        )
        reach = manager.scope_for("customer.view")
        rows = Customer.objects.allowed(manager, "view")
        ids = scope.top_ids(rows, field="created_at", descending=True, limit=15)
        assert len(reach.owners) > 1
        assert ids == list(rows.order_by("-created_at", "-pk").values_list("pk", flat=True)[:15])
        assert scope.capped_count(rows) == rows.count()

    @pytest.mark.pg
    def test_indexes_and_foreign_keys_are_back(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_indexes WHERE tablename IN ('customers_customer', 'records_searchrow')"
            )
            assert cursor.fetchone()[0] >= 12
            cursor.execute(
                "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'customers_customer'::regclass"
            )
            assert cursor.fetchone()[0] == sum(field.is_relation for field in Customer._meta.concrete_fields)


class TestFastPath(TestCase):
    """The list's way to its rows answers what the plain query would."""

    @classmethod
    def setUpTestData(cls):
        said("seed", customers=1500, employees=60)

    def setUp(self):
        grant = CustomerGrant.objects.current().values("user").annotate(n=Count("pk")).order_by("-n")[0]
        managers = Department.objects.filter(manager__isnull=False, parent__isnull=False).order_by("path")
        self.people = [Employee.objects.get(pk=grant["user"]), managers.first().manager, managers.last().manager]

    def plain(self, rows, field, descending, *, start=0):
        sign = "-" if descending else ""
        return list(rows.order_by(f"{sign}{field}", f"{sign}pk").values_list("pk", flat=True)[start : start + 15])

    def test_every_scope_order_and_depth_of_customers(self):
        self.compare(Customer)

    def test_every_scope_order_and_depth_of_contacts(self):
        self.compare(Contact)

    def compare(self, model):
        for person in self.people:
            for action in ("view", "edit", "transfer"):
                rows = model.objects.allowed(person, action)
                assert scope.capped_count(rows) == rows.count()
                assert scope.capped_count(rows, cap=20) == min(21, rows.count())
                for field, descending in (("created_at", True), ("updated_at", False), ("name", True)):
                    ask = {"field": field, "descending": descending}
                    for start in (0, 30):
                        found = scope.top_ids(rows, **ask, limit=15, offset=start)
                        assert found == self.plain(rows, field, descending, start=start)
                    if found:
                        last = model.objects.get(pk=found[0])
                        behind = scope.after(rows, field, descending, getattr(last, field), last.pk)
                        assert scope.top_ids(behind, **ask, limit=15) == self.plain(rows, field, descending, start=31)

    def test_rows_of_some_owners_and_rows_out_of_a_list(self):
        for person in self.people:
            rows = Customer.objects.allowed(person, "view")
            owners = sorted(set(rows.values_list("owner", flat=True)))[:3]
            granted = CustomerGrant.objects.current().filter(user=person).values("content_object_id")
            for found in (scope.of_owners(rows, owners), scope.within(rows, granted)):
                assert scope.capped_count(found) == found.count()
                for descending in (True, False):
                    ids = scope.top_ids(found, field="created_at", descending=descending, limit=15)
                    assert ids == self.plain(found, "created_at", descending)
            assert scope.of_owners(rows, owners).count() == rows.filter(owner__in=owners).count() > 0

    def test_a_search_with_few_hits(self):
        self.search()

    @mock.patch.object(search, "FEW", 3)
    @mock.patch.object(scope, "CANDIDATES_FROM", 2)
    def test_a_search_with_many_hits(self):
        self.search()

    def search(self):
        module, found = modules.get("customer"), 0
        for person in self.people:
            rows = Customer.objects.allowed(person, "view")
            by_name = set(rows.filter(name__contains="科技").values_list("pk", flat=True))
            people = Contact.objects.live().filter(name__contains="张")
            by_contact = set(
                rows.filter(pk__in=people.filter(name__contains="敏").values("customer")).values_list("pk", flat=True)
            )
            for text, expected in (("科技", by_name), ("张敏", by_contact), ("龘靐", set())):
                hits = search.narrow(rows, module, text, user=None)
                ids = scope.top_ids(hits, field="created_at", descending=True, limit=2000)
                assert set(ids) == expected and scope.capped_count(hits) == len(expected)
                assert ids == list(
                    rows.filter(pk__in=expected).order_by("-created_at", "-pk").values_list("pk", flat=True)
                )
                found += len(ids)
        assert found > 20


def test_the_same_seed_gives_the_same_rows():
    found = []
    for _ in range(2):
        with pytest.raises(RuntimeError), connection.cursor():
            from django.db import transaction

            with transaction.atomic():
                seeding.seed(seeding.Size.of(200), number=5)
                found.append(
                    list(Customer.objects.order_by("created_at", "name").values_list("name", "phone", "rating"))
                )
                raise RuntimeError
    assert found[0] == found[1] and len(found[0]) == 200


class TestRoutes:
    def test_every_pattern_is_listed_with_what_it_needs(self):
        found = {route["name"]: route for route in json.loads(said("routes", json=True))}
        assert found["healthz"]["permission"] == found["login"]["permission"] == "public"
        assert found["home"]["permission"] == "signed-in"
        assert found["customer-edit"] == {
            "name": "customer-edit",
            "path": "/customers/<int:pk>/edit/",
            "view": "crm.records.views.editing.EditView",
            "permission": "customer.edit",
            "methods": ["GET", "HEAD", "POST"],
        }
        assert found["customer-transfer"]["permission"] == "customer.transfer"
        assert (
            "customer.lock" in found["customer-bulk"]["permission"]
            and "product.transfer" not in found["product-bulk"]["permission"]
        )
        offered = "admin.org | admin.roles | admin.pools | admin.sales | admin.approvals"
        assert found["pick-department"]["permission"] == offered
        assert found["customer-star"]["methods"] == ["POST"] and found["home"]["methods"] == ["GET", "HEAD"]

    def test_no_pattern_is_left_out(self):
        from django.urls import get_resolver

        def count(patterns):
            return sum(count(pattern.url_patterns) if hasattr(pattern, "url_patterns") else 1 for pattern in patterns)

        assert len(json.loads(said("routes", json=True))) == count(get_resolver().url_patterns)


class TestBench:
    def test_every_target_of_this_stage_has_code(self):
        assert set(bench.load()) == set(bench.NAMES)

    def test_a_line_says_what_was_measured_and_a_miss_ends_with_code_1(self, monkeypatch):
        monkeypatch.setitem(bench.load(), "P8", lambda options: bench.Result("P8", 0.2, "<= 0.05", "×", "made up"))
        from io import StringIO

        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("bench", "P8", json=True, stdout=out)
        assert ended.value.code == 1
        assert json.loads(out.getvalue()) == {
            "name": "P8",
            "value": 0.2,
            "target": "<= 0.05",
            "ok": False,
            "unit": "×",
            "how": "made up",
        }

    def test_without_the_data_it_says_how_to_get_it(self):
        from io import StringIO

        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("bench", "P8", json=True, stdout=out)
        assert "manage.py seed --customers 1000000" in json.loads(out.getvalue())["how"]

    def test_a_target_may_be_a_floor_or_a_ceiling(self):
        assert bench.Result("P1", 0.6, ">= 0.5", "×", "").ok and not bench.Result("P1", 0.4, ">= 0.5", "×", "").ok
        assert (
            bench.Result("P3", 300, "<= 300", "MiB", "").ok
            and not bench.Result("P9", 1, "<= 2", "×", "", also=False).ok
        )

    @pytest.mark.slow
    def test_the_harness_runs_small(self):
        said("seed", customers=1000, employees=50)
        names = ["P8", "P9", "P15", "P16"] + (["P6", "P7", "P10"] if connection.vendor == "postgresql" else [])
        for name in names:
            line = bench.load()[name](bench.Options(rows=1000)).line()
            assert line["name"] == name and line["value"] > 0 and line["how"], os.environ.get("DATABASE_URL")
