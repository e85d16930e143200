"""The gate and its fast path: whatever way rows are fetched, they are the rows `allowed` says, in the order asked for."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from crm.records import modules, params, scope, teams
from customers.models import Contact, Customer, CustomerGrant, Pool
from customers.pools import book
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee


@pytest.fixture
def company(db):
    """Three departments, nine people, 120 customers with equal dates and names among them, grants and contacts."""
    rng = random.Random(7)
    east, south = department("华东"), department("华南")
    group = department("苏州组", east)
    manager = employee("经理", ["sales_manager"], east)
    people = [
        manager,
        *[
            employee(f"员工{n}", ["seller"], (group, east, south)[n % 3], supervisor=manager if n % 2 else None)
            for n in range(8)
        ],
    ]
    start = timezone.now() - timedelta(days=30)
    pool = Pool.objects.get(kind="customer")
    rows = Customer.objects.bulk_create(
        Customer(
            name=f"客户{n % 40}",
            owner=(owner := rng.choice([*people, None])),
            pool=None if owner else pool,
            created_by=rng.choice(people),
            created_at=start + timedelta(hours=n // 3),
            updated_at=start + timedelta(hours=rng.randrange(50)),
            deleted_at=timezone.now() if n % 17 == 0 else None,
        )
        for n in range(120)
    )
    for person in people[:5]:
        live = [row for row in rows if not row.deleted_at]
        teams.add(rng.sample(live, 6), [person], write=bool(rng.randrange(2)), by=manager, announce=False)
    Contact.objects.bulk_create(
        Contact(
            name=f"联系人{n}",
            customer=rng.choice(rows),
            owner=rng.choice([*people, None]),
            created_at=start + timedelta(hours=n),
        )
        for n in range(100)
    )
    return people


def expected(rows, field, descending):
    sign = "-" if descending else ""
    return list(rows.order_by(f"{sign}{field}", f"{sign}pk").values_list("pk", flat=True))


@pytest.mark.parametrize("model", [Customer, Contact])
@pytest.mark.parametrize("field", ["created_at", "updated_at", "name"])
@pytest.mark.parametrize("descending", [True, False])
def test_the_fast_path_gives_the_same_rows_in_the_same_order(company, model, field, descending):
    chief = employee("高管", ["executive"])
    for person in [*company, chief]:
        rows = model.objects.allowed(person, "view")
        whole = expected(rows, field, descending)
        for limit, offset in ((15, 0), (15, 15), (7, 30), (500, 0)):
            assert (
                scope.top_ids(rows, field=field, descending=descending, limit=limit, offset=offset)
                == whole[offset : offset + limit]
            ), person.name
        assert scope.capped_count(rows) == len(whole)
        assert scope.capped_count(rows, cap=5) == min(6, len(whole))


@pytest.mark.pg
@pytest.mark.parametrize("name", ["customer", "contact"])
def test_the_ids_found_part_by_part_are_those_of_the_whole_condition(company, name):
    module = modules.get(name)
    for person in company:
        rows = set(module.model.objects.allowed(person, "view").values_list("pk", flat=True))
        assert set(scope.known_ids(module, person, 1000)) == rows, person.name
        assert scope.known_ids(module, person, len(rows) - 1) is None
    assert scope.known_ids(module, employee("高管", ["executive"]), 1000) is None


@pytest.mark.parametrize("field", ["created_at", "name"])
def test_paging_by_position_meets_every_row_once(company, field):
    rows = Customer.objects.allowed(company[0], "view")
    whole, seen = expected(rows, field, True), []
    page = scope.top_ids(rows, field=field, descending=True, limit=7)
    while page:
        seen += page
        last = Customer.objects.get(pk=page[-1])
        page = scope.top_ids(
            scope.after(rows, field, True, getattr(last, field), last.pk), field=field, descending=True, limit=7
        )
    assert seen == whole


def test_a_filter_narrows_the_fast_path_as_well(company):
    rows = Customer.objects.allowed(company[0], "view").filter(name__in=["客户1", "客户2"])
    assert scope.top_ids(rows, field="created_at", descending=True, limit=50) == expected(rows, "created_at", True)
    assert scope.capped_count(rows) == rows.count()


def plain_view(person) -> set:
    """The rule of decisions.md computed row by row, independently of the queries."""
    reach = person.scope_for("customer.view")
    grants = {
        g.content_object_id
        for g in CustomerGrant.objects.filter(user=person)
        if g.until is None or g.until >= timezone.localdate()
    }
    return {
        c.pk
        for c in Customer.objects.all()
        if c.deleted_at is None and c.owner_id is not None and (reach.includes(c.owner_id) or c.pk in grants)
    }


def test_visible_customers_follow_the_written_rule(company):
    for person in [*company, employee("高管", ["executive"])]:
        found = set(Customer.objects.allowed(person, "view").values_list("pk", flat=True))
        want = plain_view(person)
        assert found == want, person.name


def test_has_perm_on_an_object_is_function_and_row(company):
    manager, seller = company[0], company[1]
    mine = Customer.objects.live().filter(owner=seller).exclude(grants__user=company[3]).first()
    assert seller.has_perm("customer.edit", mine) and seller.has_perm("customers.change_customer", mine)
    assert not seller.has_perm("customer.lock", mine)
    stranger = employee("外人", ["seller"])
    assert stranger.has_perm("customer.edit") and not stranger.has_perm("customer.edit", mine)
    assert manager.has_perm("customer.lock", Customer.objects.live().filter(owner=manager).first())


def test_reach_kinds_add_up_over_roles_and_module_overrides(db):
    top = department("总部")
    east, south = department("东", top), department("南", top)
    lead, mate, far = employee("头", [], east), employee("伴", [], east), employee("远", [], south)
    under = employee("下", [], south, supervisor=lead)
    view = ["customer.view", "contact.view"]

    def owners(*roles):
        lead.roles.set(roles)
        lead.forget_rights()
        found = lead.scope_for("customer.view")
        return "all" if found.everything else set(found.owners)

    make = lambda name, reach, **kw: Role.objects.create(name=name, permissions=view, reach=reach, **kw)  # noqa: E731
    own, below, dept, tree, chosen, every = (
        make("本人", "self"),
        make("下属", "subordinates"),
        make("本部门", "department"),
        make("部门树", "department_below"),
        make("自选", "custom", departments=[south.pk]),
        make("全部", "all"),
    )
    assert owners(own) == {lead.pk}
    assert owners(below) == {lead.pk, under.pk}
    assert owners(dept) == owners(tree) == {lead.pk, mate.pk}
    assert owners(chosen) == {lead.pk, far.pk, under.pk}
    assert owners(dept, chosen) == {lead.pk, mate.pk, far.pk, under.pk}
    assert owners(own, every) == "all"
    override = make("覆盖", "self", overrides={"customer": {"reach": "all", "departments": []}})
    assert owners(override) == "all"
    assert set(lead.scope_for("contact.view").owners) == {lead.pk}
    blind = Role.objects.create(name="无查看", permissions=["customer.export"], reach="all")
    assert owners(own, blind) == {lead.pk}


def test_options_widen_and_narrow_what_is_seen(company):
    seller = company[2]
    others = (
        Customer.objects.live()
        .filter(created_by=seller, owner__isnull=False)
        .exclude(owner=seller)
        .exclude(grants__user=seller)
    )
    assert others.exists()
    visible = Customer.objects.allowed(seller, "view")
    assert not visible.filter(pk__in=others).exists()
    params.store("created_by_me_visible", True)
    try:
        assert Customer.objects.allowed(seller, "view").filter(pk__in=others).count() == others.count()
        assert not Customer.objects.allowed(seller, "edit").filter(pk__in=others).exists()
    finally:
        params.store("created_by_me_visible", False)


def test_children_follow_the_parent_read_only_and_only_where_the_company_wants_it(company):
    seller = next(
        p
        for p in company[1:]
        if Contact.objects.live()
        .filter(customer__owner=p, customer__deleted_at=None)
        .exclude(owner=p)
        .exclude(owner=None)
        .exists()
    )
    foreign = (
        Contact.objects.live()
        .filter(customer__owner=seller, customer__deleted_at=None)
        .exclude(owner=seller)
        .exclude(owner=None)
        .first()
    )
    assert Contact.objects.allowed(seller, "view").filter(pk=foreign.pk).exists()
    assert not Contact.objects.allowed(seller, "edit").filter(pk=foreign.pk).exists()
    assert client_for(seller).get(f"/contacts/{foreign.pk}/").status_code == 200


def test_pool_rows_never_appear_under_the_module(company):
    chief = employee("高管", ["executive"])
    pool = Customer.objects.live().filter(owner=None).first()
    assert not Customer.objects.allowed(chief, "view").filter(pk=pool.pk).exists()
    moved = client_for(chief).get(f"/customers/{pool.pk}/")
    assert moved.status_code == 302 and moved.url == f"/pool/{pool.pool_id}/{pool.pk}/"
    Pool.objects.update(everyone=False)
    book.touch("customer")
    assert client_for(chief).get(f"/customers/{pool.pk}/").status_code == 404
