"""The URL walker: every address of the site, asked by every class of person, with GET and POST, as page and as fragment.

EXPECTED is written by hand: what anonymous, a seller of another department, the owner's manager and a person without any
function get. "in" = sent to sign in, "ok" = answered (2xx, 3xx, or a form that says what is wrong), a number = that status.
A route that does not stand in the table fails the build. Denied calls and every GET leave the database unchanged.
"""

import hashlib
import re

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from approvals.tests import asking
from approvals.tests.factories import step
from contracts import services as contracts
from contracts.invoices.services import create_invoice
from contracts.models import Contract, Invoice, InvoiceTitle
from crm.notices.services import notify
from crm.records import modules, services, trees, uploads
from crm.records.followups import services as followups
from crm.records.models import DictionaryItem, Job, Undo
from crm.testing.followups import values
from crm.tests.routes_table import EXPECTED, MAY_CHANGE, OWNED, PEOPLE, SHARED_ROWS
from customers.handover import services as handover
from customers.models import CareTask, Contact, Customer, Pool
from customers.pools import book
from customers.relations import services as relations
from customers.services import create_customer
from leads.models import Lead, PlanItem
from leads.services import create_lead
from opportunities.models import Competitor, Opportunity, Pipeline, Stakeholder
from opportunities.services import create_opportunity
from opportunities.tests.quoting import quoted
from orgs.models import Role, SignIn
from orgs.tests.factories import client_for, department, employee
from products.models import Category, PriceList, Product

NAMED = re.compile("金丝雀(公司|人|产品|商机|线索|申请)")


def table() -> dict:
    found = dict(EXPECTED)
    for module in modules.ordered():
        for page, rows in (OWNED if module.owned else SHARED_ROWS).items():
            found.setdefault(f"{module.name}-{page}", rows)
    return found


def routes(patterns=None, prefix="", above=None):
    """(name, converters) of every pattern of the site."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        converters = {**(above or {}), **pattern.pattern.converters}
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern), converters)
        elif isinstance(pattern, URLPattern):
            yield pattern.name, converters, prefix + str(pattern.pattern)


def test_every_route_has_a_name_and_stands_in_the_table():
    nameless = [path for name, _, path in routes() if not name]
    assert nameless == []
    known = table()
    assert [(name, path) for name, _, path in routes() if name not in known] == []


def test_the_table_names_no_route_that_is_gone():
    there = {name for name, _, _ in routes()}
    assert [name for name in EXPECTED if name not in there] == []


@pytest.fixture
def site(db):
    """A seller's records, their manager, a stranger and a person without functions."""
    east, south = department("华东"), department("华南")
    manager = employee("华东经理", ["sales_manager"], east)
    owner = employee("甲", ["seller"], east, supervisor=manager)
    people = {
        "anonymous": None,
        "stranger": employee("丙", ["seller"], south),
        "manager": manager,
        "nobody": employee("无权", []),
    }
    customer = services.create(Customer(name="金丝雀公司", owner=owner), by=owner)
    contact = services.create(Contact(name="金丝雀人", customer=customer, owner=owner), by=owner)
    second = services.create(Customer(name="金丝雀公司二", owner=owner), by=owner)
    kind = DictionaryItem.objects.get(dictionary="customer.link", label="合作")
    relation = relations.relate(customer, second, kind, by=owner)
    link = relations.link_contact(contact, second, by=owner)
    care = CareTask.objects.create(
        customer=customer, kind="contact", text="联系", occurs_on="2026-01-01", due_on="2026-01-01"
    )
    keeper = employee("超管", ["super"])
    pool, lead_pool = Pool.objects.get(kind="customer"), Pool.objects.get(kind="lead")
    Pool.objects.update(everyone=False)
    for one in (pool, lead_pool):
        one.departments.set([east])
        book.touch(one.kind)
    pooled = create_customer(Customer(name="金丝雀公司二号"), by=owner, pool=book.get("customer", pool.pk))
    pipeline = Pipeline.objects.get()
    opportunity = Opportunity(name="金丝雀商机", customer=customer, owner=owner, pipeline=pipeline)
    opportunity.stage = pipeline.stages.first()
    create_opportunity(opportunity, by=owner)
    decides = Stakeholder.objects.create(opportunity=opportunity, contact=contact)
    rival = Competitor.objects.create(opportunity=opportunity, name="对手")
    contract = Contract(name="金丝雀合同", customer=customer, owner=owner, signed_on="2026-01-01", amount=1)
    services.create(contract, by=owner)
    stands = Contract(name="金丝雀合同二", customer=customer, owner=owner, signed_on="2026-01-01", amount=1)
    stands = contracts.submit(services.create(stands, by=owner), by=owner)
    invoice = create_invoice(Invoice(contract=stands, title="金丝雀公司", amount=1, owner=owner), by=owner)
    title = InvoiceTitle.objects.create(customer=customer, name="金丝雀公司")
    lead = create_lead(Lead(name="金丝雀线索", owner=owner), by=owner)
    Lead.objects.filter(pk=lead.pk).update(status=Lead.Status.FOLLOWING)
    plan = PlanItem.objects.create(lead=lead, day="2026-01-01", content="金丝雀计划", created_by=owner)
    pooled_lead = Lead.objects.create(name="金丝雀线索二", pool=lead_pool)
    product = services.create(Product(name="金丝雀产品", code="J-1", price="1"), by=keeper)
    category = trees.save(Category(name="分类"))
    quotation, share = quoted(opportunity, product, by=owner)
    notify([keeper.pk], kind="system", title="只给超管")
    file = uploads.attach(customer, [SimpleUploadedFile("a.txt", b"x")], by=owner)[0]
    written = followups.write(customer, values("金丝雀公司的跟进"), by=owner)
    said = followups.comment(written, "金丝雀人", by=owner)
    phrase = followups.keep_phrase("金丝雀公司", by=owner)
    asked = handover.ask(customer, "金丝雀公司的申请", by=keeper)
    asked_for = asking.draft(owner, "金丝雀申请")
    asking.flow(keeper, step(manager))
    approval = asking.submitted(owner, "金丝雀申请二")
    job = Job.objects.create(kind="import", label="超管的任务", user=keeper)
    services.delete(Product.objects.filter(pk=product.pk), by=keeper)
    services.restore(Product.objects.trashed(), by=keeper)
    ids = {
        "undo": Undo.objects.get(user=keeper).pk,
        "customer": customer.pk,
        "handover": asked.pk,
        "contact": contact.pk,
        "product": product.pk,
        "file": file.pk,
        "customer-relation-remove": relation.pk,
        "customer-contact-unlink": link.pk,
        "care": care.pk,
        "pool": pool.pk,
        "pool-detail": pooled.pk,
        "opportunity": opportunity.pk,
        "opportunity-person": decides.pk,
        "opportunity-rival": rival.pk,
        "contract": contract.pk,
        "request": asked_for.pk,
        "approval": approval.pk,
        **dict.fromkeys(("contract-change", "contract-change-discard", "contract-change-submit"), stands.pk),
        **dict.fromkeys(("contract-version", "contract-versions-compare"), stands.pk),
        "invoice": invoice.pk,
        "customer-title": title.pk,
        "pipeline": pipeline.pk,
        "stage": opportunity.stage_id,
        "quotation": quotation.pk,
        "quotation-share-revoke": share.pk,
        "lead": lead.pk,
        "lead-plan": plan.pk,
        "lead-pool": lead_pool.pk,
        "lead-pool-detail": pooled_lead.pk,
        "followup": written.pk,
        "followup-comment-remove": said.pk,
        "followup-phrase-remove": phrase.pk,
        "category": category.pk,
        "price": PriceList.objects.create(name="价格表").pk,
        "employee": owner.pk,
        "job": job.pk,
        "department": east.pk,
        "role": Role.objects.get(code="seller").pk,
        "item": DictionaryItem.objects.first().pk,
        "message": apps.get_model("notices", "Message").objects.get(recipient=keeper).pk,
        "session": SignIn.objects.create(employee=owner, session_key="x" * 32).pk,
    }
    return people, ids


def arguments(name: str, converters: dict, ids: dict) -> dict:
    """Values for the placeholders of a route: the id of the record the route is about."""
    found = {}
    for key in converters:
        if key == "pk":
            about = name.split("-")[0]
            about = {
                "product": "category" if "category" in name else "product",
                "person": "employee",
                "signin": "employee",
            }.get(about, about)
            about = "opportunity" if "row" in converters and about != "customer" else about
            found[key] = ids[about] if "row" in converters else ids.get(name, ids.get(about, 1))
        elif key == "row":
            found[key] = ids[name.removesuffix("-remove").removesuffix("-default")]
        elif key in ("version", "template", "field"):
            found[key] = 1
        elif key == "item":
            found[key] = ids["lead-plan"]
        elif key in ("employee", "pool", "product"):
            found[key] = ids["lead-pool" if key == "pool" and name.startswith("lead") else key]
        else:
            found[key] = {
                "key": "enable" if name.startswith("employee") else "delete",
                "name": "clean_up" if name == "periodic-run" else "customer",
            }.get(key, "x")
    return found


def judge(response) -> str:
    status = response.status_code
    if status in (301, 302) and response.headers["Location"].startswith("/login/"):
        return "in"
    if response.headers.get("HX-Redirect", "").startswith("/login/"):
        return "in"
    return "ok" if status < 400 or status in (400, 409, 422) else str(status)


def fingerprint(names: set | None = None) -> dict:
    """{table: hash of its rows}, of all tables a GET may not write to or those of `names`."""
    found = {}
    for model in apps.get_models():
        name = model._meta.db_table
        if name not in MAY_CHANGE and (names is None or name in names):
            rows = repr(list(model._default_manager.order_by("pk").values_list()))
            found[name] = hashlib.md5(rows.encode(), usedforsecurity=False).hexdigest()
    return found


class Writes:
    """The tables that statements have written to; None in `tables` stands for a statement it cannot read."""

    READS = re.compile(r"\s*\(?(SELECT|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|SET|PRAGMA|LOCK)\b", re.IGNORECASE)
    WRITES = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)

    def __init__(self):
        self.tables: set = set()

    def __call__(self, execute, sql, params, many, context):
        if not self.READS.match(sql):
            found = self.WRITES.match(sql)
            self.tables.add(found[1] if found else None)
        return execute(sql, params, many, context)

    def changed(self, before: dict) -> list[str]:
        """Which of the tables written to since the last call look different now; `before` follows them."""
        tables, self.tables = self.tables, set()
        after = fingerprint(None if None in tables else tables) if tables else {}
        different = [name for name, rows in after.items() if rows != before[name]]
        before.update(after)
        return different


def ask(site, method: str, fragment: bool):
    """Walk every route with one method; returns the differences from the table and the tables that changed wrongly."""
    people, ids = site
    expected, wrong = table(), []
    headers = {"HX-Request": "true", "HX-Target": "dialog"} if fragment else {}
    clients = {name: client_for(person) if person else Client() for name, person in people.items()}
    before, writes = fingerprint(), Writes()
    for name, converters, path in sorted(routes(), key=lambda route: route[0] == "logout"):
        url = reverse(name, kwargs=arguments(name, converters, ids))
        data = {
            "ids": ids.get(name.split("-")[0], 1),
            "q": "金丝雀",
            "for": "customer.view",
            "confirmed": "1",
            "name": "改名",
            "owner": people["stranger"].pk,
        }
        for person, want in zip(PEOPLE, expected[name][method == "POST"].split(), strict=True):
            if method == "POST" and want == "ok":
                continue  # what may be done is tested where it is built
            send = clients[person].get if method == "GET" else clients[person].post
            with connection.execute_wrapper(writes):
                response = send(url, data, headers=headers)
            got = judge(response)
            if got != want:
                wrong.append(f"{method} {url} ({path}) as {person}: {got}, expected {want}")
            if (
                want not in ("ok", "in")
                and not response.streaming
                and NAMED.search(response.content.decode("utf-8", "replace"))
            ):
                wrong.append(f"{method} {url} as {person} names the record")
        if changed := writes.changed(before):
            wrong.append(f"{method} {url} changed {changed}")
    after = fingerprint()  # what went past the wrapper (COPY)
    if changed := [table_name for table_name in after if after[table_name] != before[table_name]]:
        wrong.append(f"{method}: changed unseen {changed}")
    return wrong


def test_the_walker_sees_a_table_that_was_written_to(site):
    before, writes = fingerprint(), Writes()
    with connection.execute_wrapper(writes):
        Customer.objects.filter(name="金丝雀公司").update(phone="1")
        list(Contact.objects.all())
    assert writes.changed(before) == ["customers_customer"]
    assert writes.changed(before) == []


@pytest.mark.parametrize("fragment", [False, True], ids=["page", "fragment"])
def test_get_answers_as_the_table_says_and_writes_nothing(site, fragment):
    wrong = ask(site, "GET", fragment)
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("fragment", [False, True], ids=["page", "fragment"])
def test_denied_posts_answer_as_the_table_says_and_write_nothing(site, fragment):
    wrong = ask(site, "POST", fragment)
    assert wrong == [], "\n".join(wrong)
