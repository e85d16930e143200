"""The verbs of public forms. Those of the settings keep their change in the system log; `submit` makes a lead of answers."""

import logging
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from crm.notices.services import notify
from crm.records import modules, numbering, params, services
from customers.pools import book, kinds
from customers.pools.services import note
from orgs.services import oplog

from ..models import Lead, LeadIntake, WebForm
from ..models.webforms import new_token
from ..rules import services as rules
from ..services import number_values
from . import answering

logger = logging.getLogger(__name__)
TWICE = timedelta(minutes=10)  # the same answers within it are one submission
params.declare(
    params.Param(
        "form_per_minute",
        "公开表单：每个网络地址每分钟提交",
        10,
        "同一个网络地址每分钟最多提交这么多次公开表单，超过的请稍后再试。",
        low=1,
        high=1000,
    ),
    params.Param(
        "form_per_day",
        "公开表单：每个网络地址每天提交",
        200,
        "同一个网络地址每天最多提交这么多次公开表单；展会上用一台平板收集时可以调大。",
        low=1,
        high=100_000,
    ),
    params.Param(
        "form_per_hour",
        "公开表单：每个表单每小时线索",
        300,
        "一个公开表单每小时最多产生这么多条线索，被恶意刷表单时保护线索池。",
        low=1,
        high=100_000,
    ),
)


class Closed(Exception):
    """The form takes no answers any more."""


class Busy(Exception):
    """The form has had too many answers for now."""


class Stale(Exception):
    """The form was changed since its page was opened; `current` is its present state."""

    def __init__(self, current: WebForm):
        super().__init__("stale form")
        self.current = current


# What strangers do ----------------------------------------------------------------------------------------------------


def submit(form: WebForm, plain: dict, extra: dict, *, now=None) -> Lead | None:
    """Make a lead of answers (answering.PublicForm.values); None where the same ones came minutes ago. The lead lies in a pool
    at once, marked as waiting where rules decide, and is given away after the commit: what fails there is made up for by the
    periodic job. Closed and Busy where it takes no more. ValidationError as the lead's fields raise it."""
    now = now or timezone.now()
    with transaction.atomic():
        lead = _receive(form, plain, extra, now=now)
    if lead is not None and lead.intake.waiting_since is not None:
        try:
            rules.settle(rules.assign_by_rules([lead.pk], now=now))
        except DatabaseError:
            logger.exception("lead %s of form %s waits: it could not be given away", lead.pk, form.pk)
    return lead


def _receive(form: WebForm, plain: dict, extra: dict, *, now) -> Lead | None:
    form = WebForm.objects.select_for_update(no_key=True).filter(pk=form.pk).first()
    if form is None or not form.open:
        raise Closed
    sent, digest = LeadIntake.objects.filter(form=form), answering.digest(form, plain, extra)
    if sent.filter(digest=digest, created_at__gte=now - TWICE).exists():
        return None
    if sent.filter(created_at__gte=now - timedelta(hours=1)).count() >= params.get("form_per_hour"):
        raise Busy
    pool = book.get("lead", form.pool_id) if form.pool_id else None
    fixed = pool is not None and pool.enabled
    pool = pool if fixed else book.default("lead")
    lead = Lead(
        name=_title(form, plain),
        **plain,
        extra=extra,
        source_id=form.source_id,
        campaign_id=form.campaign_id,
        pool_id=pool.pk,
        pooled_at=now,
        pool_reason=f"公开表单“{form.name}”",
    )
    lead.number = numbering.take("lead", values=number_values(lead))[0]
    services.create(lead, by=None, keep_check=False, complete=False)
    services.log(lead, code="lead.submitted", by=None, text=f"由公开表单“{form.name}”提交")
    note(kinds.get("lead"), [(lead.pk, pool.pk, None, lead.pool_reason, "")], action="created", by=None, now=now)
    waits = None if fixed else now
    LeadIntake.objects.create(lead=lead, form=form, digest=digest, waiting_since=waits, created_at=now)
    WebForm.objects.filter(pk=form.pk).update(submissions=F("submissions") + 1, last_at=now)
    _tell(form, lead)
    return lead


def _title(form: WebForm, plain: dict) -> str:
    """线索名称: the company, else whoever wrote, else a way to reach them."""
    named = (plain.get(key) for key in ("company", "contact_name", "mobile", "phone", "email"))
    return next((text for text in named if text), form.name)[:50]


def _tell(form: WebForm, lead: Lead) -> None:
    """The watchers; the message names nothing of the lead, which they may not be allowed to see."""
    watchers = list(form.watchers.filter(is_active=True).values_list("pk", flat=True))
    url = modules.get("lead").url(pk=lead.pk)
    notify(watchers, kind="lead_form", title=f"公开表单“{form.name}”收到一条线索", url=url)


# What those who make forms do ------------------------------------------------------------------------------------------


def target(form: WebForm) -> str:
    """How the system log names a form."""
    return f"公开表单“{form.name}”"


def described(form: WebForm) -> list[tuple[str, str]]:
    """Every setting as (label, text), for the differences in the system log."""
    known = answering.offers()
    asks = [
        (ask.get("label") or (known[ask["key"]].label if ask["key"] in known else "（已删除的字段）"))
        + ("*" if ask.get("required") else "")
        for ask in form.asks
    ]
    return [
        ("名称", form.name),
        ("页面标题", form.title),
        ("说明", form.intro),
        ("字段", "、".join(asks)),
        ("按钮文字", form.submit),
        ("提交后的话", form.thanks),
        ("市场活动", str(form.campaign or "")),
        ("线索来源", str(form.source or "")),
        ("去向", form.pool.name if form.pool_id else "按分配规则"),
        ("截止日期", str(form.expires_on or "")),
        ("可以嵌入的网站", "、".join(form.domains)),
        ("通知谁", "、".join(form.watchers.values_list("name", flat=True)) if form.pk else ""),
    ]


def _locked(form: WebForm) -> WebForm:
    found = WebForm.objects.select_for_update(no_key=True).filter(pk=form.pk).first()
    if found is None:
        raise ValidationError(f"表单“{form.name}”刚被删除了。")
    return found


@transaction.atomic
def save_form(form: WebForm, values: dict, watchers: list, *, version: int, by) -> WebForm:
    """Make or change a form: `values` = {field: value} of its plain fields. Stale where `version` is not the present one."""
    new, before = form.pk is None, []
    if new:
        form.created_by = by
    else:
        form = _locked(form)
        if form.version != version:
            raise Stale(form)
        before = described(form)
        form.version += 1
    for name, value in values.items():
        setattr(form, name, value)
    form.full_clean()
    form.save()
    form.watchers.set(watchers)
    if new:
        oplog.record("lead_form.created", target(form), by=by, text="新建表单")
        return form
    pairs = zip(before, described(form), strict=True)
    if changes := oplog.differences((label, old, now) for (label, old), (_, now) in pairs):
        oplog.record("lead_form.updated", target(form), by=by, text="修改表单", changes=changes)
    return form


@transaction.atomic
def set_enabled(form: WebForm, enabled: bool, *, by) -> None:
    """启用 or 停用; whoever has the page open of a disabled one is told when sending it."""
    form = _locked(form)
    if form.enabled == enabled:
        return
    WebForm.objects.filter(pk=form.pk).update(enabled=enabled, version=F("version") + 1)
    verb = "启用" if enabled else "停用"
    oplog.record(f"lead_form.{'enabled' if enabled else 'disabled'}", target(form), by=by, text=verb)


@transaction.atomic
def renew_token(form: WebForm, *, by) -> None:
    """A new address; the old one ends at once."""
    form = _locked(form)
    WebForm.objects.filter(pk=form.pk).update(token=new_token(), version=F("version") + 1)
    oplog.record("lead_form.renewed", target(form), by=by, text="更换地址")


@transaction.atomic
def delete_form(form: WebForm, *, by) -> None:
    """Delete a form; the leads that came through it stay."""
    form = _locked(form)
    named = target(form)
    form.delete()
    oplog.record("lead_form.deleted", named, by=by, text="删除表单")
