"""/mailings/: what was sent, to whom, and how it went; stopping, sending the failed ones again."""

from django.core.exceptions import ValidationError
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce
from django.http import Http404
from django.views.decorators.http import require_http_methods, require_safe

from crm.notices import delivery
from crm.notices.models import Delivery
from crm.records import fieldset, modules
from crm.records.fieldset import mask
from orgs.views.base import Pager, done, render_page
from orgs.views.mail import DOTS

from ...models import Contact, Mailing, MailingRecipient
from .. import audience, letters, services

MAILINGS = "/mailings/"
CRUMB = {"label": "发送记录", "list_url": MAILINGS}
State = Delivery.State
OPEN = (State.WAITING, State.SENDING)
NOW = Coalesce("delivery__state", "state")


def visible(user):
    """Mailings of the person; with 系统设置 everybody's."""
    rows = Mailing.objects.select_related("created_by", "job")
    return rows if user.has_function("admin.settings") else rows.filter(created_by=user)


def found(request, pk: int) -> Mailing:
    mailing = visible(request.user).filter(pk=pk).first()
    if mailing is None:
        raise Http404
    return mailing


def counts(mailings) -> dict[int, dict[str, int]]:
    """{mailing id: {state: how many}} in one statement."""
    rows = MailingRecipient.objects.filter(mailing__in=mailings).order_by()
    totals: dict[int, dict[str, int]] = {}
    for pk, state, number in rows.annotate(now=NOW).values_list("mailing_id", "now").annotate(n=Count("pk")):
        totals.setdefault(pk, {})[state] = number
    return totals


@require_safe
def index(request):
    """/mailings/: newest first."""
    everybody = request.user.has_function("admin.settings")
    pager = Pager(request, visible(request.user))
    rows = list(pager.rows)
    sums = counts([row.pk for row in rows])
    return render_page(
        request,
        "mailing/list.html",
        {
            "rows": [
                {"row": row, "label": modules.get(row.module).label, **tally(row, sums.get(row.pk, {}))} for row in rows
            ],
            "everybody": everybody,
            "pager": pager.context(),
            "trouble": letters.ready(),
            "may_configure": everybody,
            "start": next(
                (modules.get(n) for n in ("customer", "contact") if modules.get(n).may(request.user, "mail")), None
            ),
        },
    )


def tally(mailing, sums: dict) -> dict:
    """What a mailing has come to, in one word and figures."""
    left = sum(sums.get(state, 0) for state in OPEN)
    if mailing.stopped_at:
        word, dot = "已停止", "warning"
    elif left:
        word, dot = "发送中", "accent"
    else:
        word, dot = "已完成", "success"
    sent, failed, unknown = (sums.get(state, 0) for state in (State.SENT, State.FAILED, State.UNKNOWN))
    return {"word": word, "dot": dot, "sent": sent, "failed": failed + unknown, "left": left}


@require_safe
def detail(request, pk: int):
    """/mailings/<pk>/?state=: figures by state, the letter, every recipient."""
    mailing = found(request, pk)
    sums = counts([mailing.pk]).get(mailing.pk, {})
    state, problems = request.GET.get("state", ""), []
    if state and state not in State.values:
        state, problems = "", ["忽略了无法识别的状态"]
    rows = MailingRecipient.objects.filter(mailing=mailing).annotate(now=NOW)
    rows = rows.annotate(
        now_error=Coalesce("delivery__error", "error"),
        at=Coalesce("delivery__sent_at", "sent_at"),
        again=F("delivery__next_at"),
        tries=F("delivery__attempts"),
    )
    if state:
        rows = rows.filter(now=state)
    pager = Pager(request, rows.order_by("pk"), size=30)
    url = f"{MAILINGS}{mailing.pk}/"
    tabs = [{"label": "全部", "url": url, "active": not state, "count": sum(sums.values())}]
    tabs += [
        {"label": label, "url": f"{url}?state={key}", "active": state == key, "count": sums.get(key, 0)}
        for key, label in State.choices
        if sums.get(key) or state == key
    ]
    word = tally(mailing, sums)
    admin = request.user.has_function("admin.settings")
    return render_page(
        request,
        "mailing/detail.html",
        {
            "mailing": mailing,
            "label": modules.get(mailing.module).label,
            "files": list(mailing.files.all()),
            "tabs": tabs,
            "rows": shown(list(pager.rows), request.user),
            "pager": pager.context(),
            "figures": [
                (label, sums.get(key, 0), "is-danger" if key == State.FAILED else "is-warning")
                for key, label in State.choices
            ],
            "excluded": [
                {"label": label, "count": mailing.excluded[key]}
                for key, label in audience.REASONS.items()
                if mailing.excluded.get(key)
            ],
            **word,
            "live": bool(word["left"]) and not mailing.stopped_at,
            "may_stop": bool(word["left"]) and not mailing.stopped_at,
            "may_resend": bool(sums.get(State.FAILED))
            and not mailing.stopped_at
            and mailing.recipients.filter(delivery__state=State.FAILED).exists(),
            "problems": problems,
            "trouble": delivery.trouble() if word["left"] and admin else "",  # it may name an address
            "here": request.get_full_path(),
        },
    )


def shown(rows: list, user) -> list[dict]:
    """Recipients as this reader may see them: the name and a link where the contact is in sight, else a masked address."""
    names = {}
    if user.has_function("contact.view") and fieldset.of(modules.get("contact"), user).readable("email"):
        seen = Contact.objects.allowed(user, "view").filter(pk__any=[row.contact_id for row in rows if row.contact_id])
        names = {pk: (name, customer) for pk, name, customer in seen.values_list("pk", "name", "customer__name")}
    found = []
    for row in rows:
        name, customer = names.get(row.contact_id, ("", ""))
        found.append(
            {
                "row": row,
                "name": name,
                "customer": customer,
                "url": f"/contacts/{row.contact_id}/" if name else "",
                "address": row.address if name else mask(row.address),
                "error": row.now_error if name else row.now_error.replace(row.address, mask(row.address)),
                "dot": DOTS[row.now],
                "state": State(row.now).label,
            }
        )
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request, pk: int):
    """/mailings/<pk>/stop/: a question, then what has not left stays here."""
    mailing = found(request, pk)
    url = f"{MAILINGS}{mailing.pk}/"
    if request.method == "POST":
        stopped = services.stop(mailing, by=request.user)
        return done(request, url, f"已停止，{stopped:,} 封没有发送")
    left = tally(mailing, counts([mailing.pk]).get(mailing.pk, {}))["left"]
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": "停止发送？",
            "body": f"还有 {left:,} 封没有发出，停止后不再发送，也不能恢复；已经发出的不受影响。",
            "submit_label": "停止发送",
            "danger": True,
            "module": CRUMB,
            "back_url": url,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def resend(request, pk: int):
    """/mailings/<pk>/resend/: the failed ones once more; never those that may have arrived."""
    mailing = found(request, pk)
    url = f"{MAILINGS}{mailing.pk}/"
    context = {"module": CRUMB, "back_url": url}
    if request.method == "POST":
        try:
            again = services.resend_failed(mailing, by=request.user)
            return done(request, url, f"已重新放入发件箱（{again:,} 封）")
        except ValidationError as error:
            refused = {**context, "heading": "没有重发", "reasons": error.messages}
            return render_page(request, "orgs/refused.html", refused, status=422)
    failed = MailingRecipient.objects.filter(Q(delivery__state=State.FAILED), mailing=mailing).count()
    context |= {
        "heading": f"重发失败的 {failed:,} 封？",
        "body": "只重发确定没有送出的；“不确定”的可能已经送达，不会重发。",
        "submit_label": f"重发（{failed:,} 封）",
    }
    return render_page(request, "records/confirm.html", context)
