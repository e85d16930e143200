"""Whatever people do in whatever order: at most one step is open, an ended approval has nothing open, the document's state is the
approval's, and nobody decided what they submitted."""

import random

import pytest
from django.core.exceptions import ValidationError

from approvals import services
from approvals.models import Approval, Assignment, Event, Step
from approvals.tests.factories import flow, step, submitted
from contracts import services as contracts
from contracts.models import Contract
from orgs import services as organisation
from orgs.tests.factories import employee

pytestmark = pytest.mark.django_db
LIVE = ("waiting", "open")
STATUS = {
    "pending": "pending",
    "approved": "approved",
    "rejected": "rejected",
    "stopped": "rejected",
    "withdrawn": "withdrawn",
}


def check(contract: Contract) -> None:
    contract.refresh_from_db()
    approvals = list(Approval.objects.filter(object_id=contract.pk, document="contract").order_by("pk"))
    assert contract.status == STATUS[approvals[-1].state]
    assert [one.state for one in approvals[:-1]].count("pending") == 0
    for approval in approvals:
        steps = list(approval.steps.order_by("order", "pk"))
        open_steps = [one for one in steps if one.state == "open"]
        assert len({one.order for one in steps}) == len(steps)
        assert len(open_steps) == (approval.state == "pending")
        assert (approval.ended_at is None) == (approval.state == "pending")
        rows = list(Assignment.objects.filter(step__approval=approval))
        for row in rows:
            one = next(s for s in steps if s.pk == row.step_id)
            if row.state == "open":
                assert one.state == "open"
            if row.state == "waiting":
                assert one.state in ("open", "waiting")
            if row.state in ("approved", "rejected", "returned", "handed"):
                assert row.decided_at is not None
            if row.state in ("approved", "rejected"):
                assert row.employee_id != approval.submitter_id
        if open_steps:
            (one,) = open_steps
            assert any(row.state == "open" for row in rows if row.step_id == one.pk)
            assert all(s.state != "waiting" for s in steps if s.order < one.order)
            assert all(s.state in ("waiting", "skipped") for s in steps if s.order > one.order)
        if approval.state == "approved":
            forced = Event.objects.filter(approval=approval, code="forced").exists()
            assert forced or not any(s.state in ("waiting", "open") for s in steps)
            for one in steps:
                said = [row.state for row in rows if row.step_id == one.pk]
                if one.state == "passed":
                    assert "approved" in said
                    assert one.mode == "any" or not set(said) & {"waiting", "open"}


def act(rng: random.Random, contract: Contract, crowd: list, root) -> None:
    approval = Approval.objects.filter(object_id=contract.pk).order_by("-pk").first()
    person, other = rng.choice(crowd), rng.choice(crowd)
    rows = list(Assignment.objects.filter(step__approval=approval, state="open"))
    row = rng.choice(rows) if rows and rng.random() < 0.85 else Assignment.objects.order_by("?").first()
    by = row.employee if rng.random() < 0.85 else person
    steps = list(approval.steps.values_list("pk", flat=True))
    verbs = {
        "approve": lambda: services.approve(row.pk, by=by),
        "reject": lambda: services.reject(row.pk, by=by, comment="不"),
        "send_back": lambda: services.send_back(row.pk, to=rng.choice(steps), by=by, comment="退"),
        "hand_over": lambda: services.hand_over(row.pk, to=other, by=by),
        "before": lambda: services.add_approver(row.pk, people=[other], where="before", by=by),
        "after": lambda: services.add_approver(row.pk, people=[other, person], where="after", by=by),
        "take_back": lambda: _take_back(approval, person),
        "withdraw": lambda: services.withdraw(approval.pk, by=rng.choice([approval.submitter, person])),
        "force": lambda: services.force(approval.pk, by=rng.choice([root, person]), reason="急"),
        "stop": lambda: services.stop(approval.pk, by=rng.choice([root, person]), reason="停"),
        "disable": lambda: organisation.disable_employee(other, by=None) if len(crowd) > 5 else None,
        "submit": lambda: contracts.submit(contract, by=contract.owner),
    }
    weights = {"approve": 8, "submit": 6, "send_back": 4, "take_back": 5, "hand_over": 3, "before": 2, "after": 2}
    weights |= {"reject": 1, "withdraw": 1, "force": 0.3, "stop": 0.3, "disable": 0.5}
    verb = rng.choices(list(verbs), [weights[name] for name in verbs])[0]
    verbs[verb]()
    if verb == "disable" and len(crowd) > 5:
        crowd.remove(other)


def _take_back(approval, person):
    found = services.Course(approval).decided(person)
    if found is None:
        raise ValidationError("nothing")
    services.take_back(found.pk, by=person)


@pytest.mark.parametrize("seed", range(8))
def test_after_any_walk_everything_agrees(people, seed):
    rng = random.Random(seed)
    root = employee("超管", ["super"])
    crowd = [people.seller, people.boss, people.deputy, people.finance, people.admin]
    crowd += [employee(f"员工{n}", ["sales_manager"], people.east, supervisor=people.boss) for n in range(3)]

    def some():
        return rng.sample([one for one in crowd if one.is_active], rng.choice([1, 2, 3]))

    modes = ["all", "any", "sequence"]
    steps = [
        step(*some(), mode=rng.choice(modes), skip_self=rng.random() < 0.3, skip_approved=rng.random() < 0.5)
        for _ in range(rng.choice([2, 3, 4]))
    ]
    flow(people.admin, *steps, resume=rng.choice(["first", "rejecting"]))
    contract, approval = submitted(people.seller)
    assert approval is not None
    done = 0
    for _ in range(40):
        if contract.status == "approved":
            break
        try:
            act(rng, contract, crowd, root)
            done += 1
        except ValidationError:
            pass
        check(contract)
    assert done > 0
    assert Step.objects.filter(state="open").count() <= 1
