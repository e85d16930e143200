"""What 客户流失 adds to customers: bulk actions, views, the final state, the side card, the nightly job."""

from django.utils import timezone

from crm.notices import kinds as messages
from crm.records import dictionaries, fieldset, modules
from crm.records.modules import Bulk, Closed, View
from crm.records.periodic import periodic

from ..models import ChurnState
from . import forms, services

dictionaries.declare("customer.churn_reason", "流失原因", "客户")
messages.register("churn", "客户流失预警", "客户与公海", icon="warn", mail=True, order=18)

modules.TO_DO.append(modules.ToDo("流失预警的客户", "customer", "churn"))
CLOSED = Closed(
    "churn_state",
    (ChurnState.LOST,),
    frozenset({"view", "export", "print", "follow", "churn"}),
    "已确定流失，只能查看和跟进；请先恢复正常",
)
VIEWS = [
    View("churn", "流失预警", lambda rows, user: rows.filter(churn_state=ChurnState.WARNED), needs=("churn_state",)),
    View("lost", "已流失", lambda rows, user: rows.filter(churn_state=ChurnState.LOST), needs=("churn_state",)),
]


def _postpone(rows, *, by, form):
    return services.postpone(rows, by=by, measures=form.cleaned_data["measures"], until=form.cleaned_data["until"])


def _confirm(rows, *, by, form):
    return services.confirm(rows, by=by, reason=form.cleaned_data["reason"], words=form.cleaned_data["words"])


def _restore(rows, *, by, form):
    return services.restore(rows, by=by, words=form.cleaned_data["words"])


def _is(state: str):
    return lambda customer: customer.churn_state == state


BULK = [
    Bulk(
        "churn-postpone",
        "暂缓流失",
        "clock",
        "edit",
        _postpone,
        "暂缓 {n} 个{label}的流失预警？",
        "暂缓（{n} 个）",
        form=forms.PostponeForm,
        shown=_is(ChurnState.WARNED),
        views=("churn",),
    ),
    Bulk(
        "churn-confirm",
        "确定流失",
        "flag",
        "edit",
        _confirm,
        "确定 {n} 个{label}已经流失？",
        "确定流失（{n} 个）",
        form=forms.ConfirmForm,
        body="确定流失后只能查看和跟进，直到主管恢复正常或有新合同审批通过。",
        danger=True,
        shown=_is(ChurnState.WARNED),
        views=("churn",),
    ),
    Bulk(
        "churn-restore",
        "恢复正常",
        "undo",
        "churn",
        _restore,
        "把 {n} 个{label}恢复正常？",
        "恢复正常（{n} 个）",
        form=forms.RestoreForm,
        body="恢复后可以编辑、转移和放入公海。",
        shown=_is(ChurnState.LOST),
        views=("lost",),
    ),
]


def chips(customer, fields) -> list[dict]:
    """The state as a chip beside the name."""
    if not customer.churn_state or not fields.readable("churn_state"):
        return []
    css = "k-chip-danger" if customer.churn_state == ChurnState.LOST else "k-chip-warning"
    return [{"label": customer.get_churn_state_display(), "css": css}]


def card(customer, user) -> list[dict]:
    """Side card with the state; absent where nothing is up. What was decided stands in the tab 关怀."""
    up = customer.churn_state or customer.churn_hold
    if not up or not fieldset.of(modules.get("customer"), user).readable("churn_state"):
        return []
    return [
        {
            "title": "客户流失",
            "template": "customers/churn.html",
            "customer": customer,
            "closed": CLOSED.sentence if CLOSED.holds(customer) else "",
            "url": f"/customers/{customer.pk}/?tab=care",
            "url_label": "记录",
        }
    ]


@periodic("churn", "客户流失预警", schedule="每天 00:40")
def nightly(now) -> str:
    """Customers without a deal for so many months are warned; warnings nothing speaks for any more are taken back."""
    warned, cleared = services.run(timezone.localtime(now).date())
    return f"预警 {warned:,} 个，解除 {cleared:,} 个"
