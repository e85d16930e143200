"""What the bar, the history and the moves show and let change of fields a role keeps closed."""

from crm.records import fieldset
from opportunities import stages
from opportunities.models import Opportunity
from orgs.tests.factories import client_for, role

from .factories import opportunity, reason, stage


def give(**levels) -> None:
    """Field rights of sellers on opportunities."""
    own = role("seller")
    own.field_rights = {"opportunity": levels}
    own.save()


def page(staff, one, tab="") -> str:
    return client_for(staff.ann).get(f"/opportunities/{one.pk}/?tab={tab}").content.decode()


def test_a_hidden_or_masked_note_stands_in_neither_bar_nor_history(staff):
    one = opportunity(staff.ann)
    stages.close(one, "lost", by=staff.ann, reason=reason(), note="金丝雀说明")
    assert page(staff, one, "stages").count("金丝雀说明") == 2  # bar and history
    for level in (fieldset.HIDDEN, fieldset.MASKED):
        give(close_note=level)
        for tab in ("", "stages", "log"):
            assert "金丝雀说明" not in page(staff, one, tab), (level, tab)


def test_who_may_not_read_the_stage_sees_no_bar_and_no_history(staff):
    one = opportunity(staff.ann)
    stages.move(one, stage("方案报价"), by=staff.ann)
    assert "k-advance" in page(staff, one, "stages")
    for key in ("stage", "pipeline", "state"):
        give(**{key: fieldset.HIDDEN})
        found = page(staff, one, "stages")
        assert "k-advance" not in found, key
        assert "阶段历史" not in found, key
    give(stage=fieldset.HIDDEN)
    assert "方案报价" not in page(staff, one)
    stages.close(one, "won", by=staff.ann)
    give(state=fieldset.HIDDEN)
    assert '<span class="k-chip k-chip-success">赢单' not in page(staff, one)


def test_who_may_not_change_the_stage_moves_by_no_door(staff):
    one, to = opportunity(staff.ann), stage("方案报价")
    for level in (fieldset.HIDDEN, fieldset.READ):
        give(stage=level)
        client = client_for(staff.ann)
        assert client.get(f"/opportunities/{one.pk}/move/", {"stage": to.pk}).status_code == 403
        assert client.post(f"/opportunities/{one.pk}/move/", {"stage": to.pk}).status_code == 403
        data = {"to": f"s{to.pk}", "version": one.version}
        assert client.post(f"/opportunities/board/{one.pk}/move/", data).status_code in (302, 403)
        answer = client.post("/opportunities/bulk/stage/", {"ids": one.pk, "confirmed": "1", "stage": to.pk})
        assert "您的角色不能修改商机阶段" in answer.content.decode()
        assert Opportunity.objects.get(pk=one.pk).stage == one.stage


def test_views_made_of_a_hidden_field_are_no_views_of_that_person(staff):
    gone, still = opportunity(staff.ann, name="丢了的"), opportunity(staff.ann, name="在谈的")
    stages.close(gone, "lost", by=staff.ann, reason=reason())
    client = client_for(staff.ann)
    narrowed = client.get("/opportunities/?view=lost").content.decode()
    assert gone.name in narrowed and still.name not in narrowed
    give(state=fieldset.HIDDEN)
    for view in ("open", "lost", "due", "overdue", "idle"):
        found = client.get(f"/opportunities/?view={view}").content.decode()
        assert gone.name in found and still.name in found and "view=won" not in found, view
