"""Requests: the form of each type, submitting, what their status allows, and the settings of types."""

import pytest
from django.core.exceptions import ValidationError

from approvals import documents
from approvals.models import Approval, Request, RequestType, Status
from approvals.requests import declared, services
from approvals.requests import setting_services as verbs
from approvals.tests import asking
from approvals.tests.factories import step
from crm.records import fieldset
from crm.records.models import FieldDefinition, OperationLog
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee, role

HTMX = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def staff(db):
    east = department("华东")

    class Staff:
        manager = employee("华东经理", ["sales_manager"], east)
        ann = employee("安", ["seller"], east, supervisor=manager)
        eve = employee("外", ["seller"], department("华南"))
        keeper = employee("系统管理员", ["admin"], east)

    return Staff


def test_a_form_has_the_fields_of_its_type_and_saves_no_others(staff):
    client, kind = client_for(staff.ann), asking.kind()
    kinds = client.get("/requests/new/").content.decode()
    for name in ("请假", "费用报销", "用印", "出差"):
        assert name in kinds
    body = client.get(f"/requests/new/?type={kind.pk}").content.decode()
    assert "用印份数" in body and "报销金额" not in body and "安的用印" in body
    cost = asking.field("报销金额")
    sent = client.post(
        "/requests/new/", {"type": kind.pk, "title": "盖章", **asking.seal_values(), cost: "9", "status": "approved"}
    )
    made = Request.objects.get()
    assert sent.headers["Location"] == f"/requests/{made.pk}/"
    assert cost not in made.extra and made.status == Status.DRAFT and made.owner == staff.ann
    page = client.get(f"/requests/{made.pk}/").content.decode()
    assert "采购框架协议" in page and "报销金额" not in page and "提交审批" in page


def test_what_the_type_demands_must_be_filled_and_other_types_demands_do_not_bind(staff):
    kind = asking.kind()
    asked = client_for(staff.ann).post("/requests/new/", {"type": kind.pk, "title": "盖章"})
    assert "请填写用印份数" in asked.content.decode() and not Request.objects.exists()
    with pytest.raises(ValidationError):
        services.create_request(Request(type=kind, title="x", owner=staff.ann), by=staff.ann)
    made = asking.draft(staff.ann)
    Request.objects.filter(pk=made.pk).update(extra={})
    with pytest.raises(ValidationError, match="请填写"):
        services.submit_request(made, by=staff.ann)
    assert Request.objects.get().status == Status.DRAFT


@pytest.mark.parametrize("bad", ["9" * 30, "-1", "x", "999999"])
def test_an_unknown_type_is_404_and_a_type_that_is_off_is_refused(staff, bad):
    assert client_for(staff.ann).get(f"/requests/new/?type={bad}").status_code == 404
    assert client_for(staff.ann).post("/requests/new/", {"type": bad, "title": "x"}).status_code == 404
    kind = asking.kind()
    verbs.set_enabled(kind, False, by=staff.keeper)
    sent = client_for(staff.ann).post("/requests/new/", {"type": kind.pk, "title": "x", **asking.seal_values()})
    assert "已停用" in sent.content.decode() and not Request.objects.exists()
    assert client_for(staff.ann).post("/requests/new/", {"title": "x"}).status_code == 400


@pytest.mark.parametrize("bad", ["NaN", "1e30", "-5", "0.001", "9" * 30, "\x00", '"><img src=x onerror=1>'])
def test_bad_amounts_are_form_errors(staff, bad):
    kind, values = asking.kind("费用报销"), {**asking.cost_values(), asking.field("报销金额"): bad}
    sent = client_for(staff.ann).post("/requests/new/", {"type": kind.pk, "title": "打车", **values})
    body = sent.content.decode()
    assert sent.status_code == 200 and "<img src=x" not in body
    assert not Request.objects.exists() or bad == "-5"


def test_without_a_flow_it_is_approved_at_once_and_numbers_have_no_gaps(staff):
    first, second = (services.submit_request(asking.draft(staff.ann, f"份{n}"), by=staff.ann) for n in (1, 2))
    assert (first.status, second.status) == ("approved", "approved")
    assert first.number.startswith("YY-") and [one.number[-3:] for one in (first, second)] == ["001", "002"]
    trip = services.submit_request(asking.draft(staff.ann, "去苏州", "出差"), by=staff.ann)
    assert trip.number.startswith("CC-") and trip.number.endswith("001")
    codes = list(OperationLog.objects.filter(object_id=first.pk).order_by("pk").values_list("code", flat=True))
    assert codes == ["request.created", "request.submitted", "approval.none", "request.approved"]


def test_the_dialog_says_who_will_decide_and_submits(staff):
    asking.flow(staff.keeper, step(staff.manager, name="部门经理"))
    made = asking.draft(staff.ann)
    url = f"/requests/{made.pk}/submit/"
    asked = client_for(staff.ann).get(url, headers=HTMX).content.decode()
    assert "部门经理" in asked and "华东经理" in asked
    assert client_for(staff.ann).post(url, {"note": "急"}, headers=HTMX).status_code == 204
    approval = Approval.objects.get(object_id=made.pk)
    assert (approval.state, approval.document) == ("pending", services.key_of(asking.kind()))
    assert approval.title.endswith("盖章申请")
    again = client_for(staff.ann).post(url, {}, headers=HTMX)
    assert again.status_code == 403 and "审批中不能修改" in again.content.decode()
    assert Approval.objects.count() == 1


def test_who_the_submitter_must_choose_is_asked_for(staff):
    asking.flow(staff.keeper, step(name="自选", key="pick", who=[{"kind": "chosen"}]))
    made = asking.draft(staff.ann)
    url = f"/requests/{made.pk}/submit/"
    assert "请选择“自选”的审批人" in client_for(staff.ann).post(url, {}, headers=HTMX).content.decode()
    for bad in ("9" * 30, "x", str(staff.ann.pk)):
        assert client_for(staff.ann).post(url, {"chosen_pick": bad}, headers=HTMX).status_code == 422, bad
    assert Request.objects.get().status == Status.DRAFT
    assert client_for(staff.ann).post(url, {"chosen_pick": staff.manager.pk}, headers=HTMX).status_code == 204
    assert asking.open_of(Approval.objects.get(), staff.manager)


@pytest.mark.parametrize("status", ["pending", "approved"])
def test_what_is_submitted_is_read_only_through_every_door(staff, status):
    if status == "pending":
        asking.flow(staff.keeper, step(staff.manager))
    made = services.submit_request(asking.draft(staff.ann), by=staff.ann)
    assert made.status == status
    client = client_for(staff.ann)
    before = Request.objects.values().get(pk=made.pk)
    refused = client.get(f"/requests/{made.pk}/edit/")
    assert refused.status_code == 403
    assert "作废" not in refused.content.decode()  # requests have no 变更 and no 作废 to point at
    data = {"title": "改", "version": made.version, **asking.seal_values()}
    assert client.post(f"/requests/{made.pk}/edit/", data).status_code == 403
    client.post("/requests/bulk/delete/", {"ids": made.pk, "confirmed": "1"}, headers=HTMX)
    assert client.post(f"/requests/{made.pk}/submit/", {}).status_code == 403
    assert Request.objects.values().get(pk=made.pk) == before
    assert client_for(staff.eve).get(f"/requests/{made.pk}/").status_code == 404
    assert client_for(staff.eve).post(f"/requests/{made.pk}/submit/", {}).status_code == 404


def test_a_rejected_request_is_edited_and_submitted_again_under_its_number(staff):
    asking.flow(staff.keeper, step(staff.manager))
    approval = asking.submitted(staff.ann)
    client_for(staff.manager).post(
        f"/approvals/{approval.pk}/reject/",
        {"assignment": asking.open_of(approval, staff.manager).pk, "comment": "缺附件"},
    )
    made = Request.objects.get()
    assert made.status == Status.REJECTED
    data = {"title": "盖章申请二", "version": made.version, **asking.seal_values()}
    assert client_for(staff.ann).post(f"/requests/{made.pk}/edit/", data).status_code == 302
    again = services.submit_request(Request.objects.get(), by=staff.ann)
    assert (again.number, again.status) == (made.number, Status.PENDING)


def test_hidden_fields_of_requests_appear_nowhere_for_the_role(staff):
    key = asking.field("文件名称")
    made = asking.draft(staff.ann)
    for level in (fieldset.HIDDEN, fieldset.MASKED):
        held = role("sales_manager")
        held.field_rights = {"request": {key: level}}
        held.save()
        client = client_for(staff.manager)
        for url in (
            f"/requests/{made.pk}/",
            f"/requests/{made.pk}/?tab=log",
            "/requests/",
            f"/requests/{made.pk}/print/",
            f"/requests/{made.pk}/edit/",
        ):
            assert "采购框架协议" not in client.get(url).content.decode(), (level, url)
    assert "采购框架协议" in client_for(staff.ann).get(f"/requests/{made.pk}/").content.decode()


def test_each_type_is_a_kind_of_document_whatever_process_made_it(staff):
    key = services.key_of(asking.kind("费用报销"))
    kind = documents.ALL[key]
    assert kind.label == "费用报销" and [fact.label for fact in kind.facts()][:2] == ["报销金额", "费用类别"]
    made = asking.draft(staff.ann, "打车", "费用报销")
    assert str(kind.amount(made, {})) == "1200" and kind.values(made, {})[asking.field("报销金额")] == "1200"
    new = verbs.create_type({"name": "采购", "icon": "product", "pattern": "CG-{seq:3}", "note": ""}, by=staff.keeper)
    assert services.key_of(new) in documents.ALL and documents.ALL[services.key_of(new)].label == "采购"
    RequestType.objects.filter(pk=new.pk).update(name="采购申请")  # as another process would
    declared.forget()
    assert documents.ALL.get(services.key_of(new)).label in ("采购", "采购申请")
    assert "采购申请" in [one.label for one in documents.ALL.values()]
    verbs.delete_type(new, by=staff.keeper)
    assert services.key_of(new) not in list(documents.ALL)


def test_types_are_built_from_fields_on_the_settings_page(staff):
    client = client_for(staff.keeper)
    data = {"name": "采购", "icon": "product", "pattern": "CG-{yyyy}-{seq:3}", "note": "买东西"}
    assert client.post("/settings/requests/new/", data, headers=HTMX).status_code == 204
    made = RequestType.objects.get(name="采购")
    field = {
        "label": "采购金额",
        "type": "money",
        "required": "on",
        "in_form": "on",
        "in_list": "on",
        "in_filter": "on",
    }
    assert client.post(f"/settings/requests/{made.pk}/fields/new/", field, headers=HTMX).status_code == 204
    reason = FieldDefinition.objects.get(module="request", label="事由").pk
    own = FieldDefinition.objects.get(module="request", label="采购金额").pk
    client.post(f"/settings/requests/{made.pk}/fields/", {"fields": [reason, own]}, headers=HTMX)
    made.refresh_from_db()
    assert made.fields == [own, reason]
    client.post(f"/settings/requests/{made.pk}/fields/{reason}/up/", headers=HTMX)
    made.refresh_from_db()
    assert made.fields == [reason, own]
    body = client_for(staff.ann).get(f"/requests/new/?type={made.pk}").content.decode()
    assert body.index("事由") < body.index("采购金额")
    assert "采购金额" in client.get("/settings/requests/").content.decode()
    assert OrgLog.objects.filter(code="request_type.fields").count() == 3


def test_bad_types_are_form_errors_and_stale_pages_change_nothing(staff):
    client, kind = client_for(staff.keeper), asking.kind()
    good = {"name": "采购", "icon": "product", "pattern": "CG-{seq:3}", "note": ""}
    for change in (
        {"name": ""},
        {"name": "用印"},
        {"name": "长" * 31},
        {"pattern": "无流水号"},
        {"pattern": "{seq:3}{seq:3}"},
        {"pattern": kind.pattern},
        {"icon": "x"},
    ):
        assert client.post("/settings/requests/new/", {**good, **change}, headers=HTMX).status_code == 422, change
    assert RequestType.objects.count() == 4
    stale = {"name": "改", "icon": "file", "pattern": "YZ-{seq:3}", "note": "", "version": kind.version}
    verbs.set_enabled(kind, False, by=staff.keeper)
    said = client.post(f"/settings/requests/{kind.pk}/", stale, headers=HTMX)
    assert said.status_code == 422 and "刚被别人修改过" in said.content.decode()
    assert RequestType.objects.get(pk=kind.pk).name == "用印"


def test_a_type_in_use_stays(staff):
    asking.draft(staff.ann)
    with pytest.raises(ValidationError, match="不能删除"):
        verbs.delete_type(asking.kind(), by=staff.keeper)
    asking.flow(staff.keeper, step(staff.manager), name="出差")
    with pytest.raises(ValidationError, match="流程"):
        verbs.delete_type(asking.kind("出差"), by=staff.keeper)


def test_the_settings_need_their_function(staff):
    kind = asking.kind()
    for person in (staff.manager, staff.ann):
        for path in ("", "new/", f"{kind.pk}/", f"{kind.pk}/delete/", f"{kind.pk}/fields/", f"{kind.pk}/fields/new/"):
            assert client_for(person).get(f"/settings/requests/{path}").status_code == 403
        assert client_for(person).post(f"/settings/requests/{kind.pk}/do/disable/").status_code == 403
    assert RequestType.objects.get(pk=kind.pk).enabled


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_submissions_at_once_make_one_approval_and_one_number():
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    manager = employee("经理", ["sales_manager"])
    ann = employee("安", ["seller"], supervisor=manager)
    asking.flow(manager, step(manager))
    made = asking.draft(ann)

    def submit(_):
        try:
            services.submit_request(made, by=ann)
            return True
        except ValidationError:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(submit, range(6))) == 1
    assert Approval.objects.count() == 1 and Request.objects.get().number.endswith("001")
