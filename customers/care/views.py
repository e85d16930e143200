"""客户关怀: the list of what is to be done, closing a task, the contact plan of a customer."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from crm.records import modules, scope
from crm.records.views.base import ModuleView, deny, go, render_page
from orgs.views.base import Pager, done, form_page, move_errors

from ..models import CareKind, CareTask, ContactPlan, Customer
from . import queries, services
from .forms import DoneForm, PlanForm, SkipForm
from .rows import rows_of

CARE = "/care/"
CRUMB = {"label": "客户关怀", "list_url": CARE}
PEOPLE = (("mine", "我的"), ("team", "下属的"), ("all", "全部"))


def _needs_customers(request):
    customers = modules.get("customer")
    if not customers.may(request.user, "view"):
        deny(customers, "view")
    return customers


@require_safe
def index(request):
    """GET /care/?tab=&who=&kind=: cares of the customers I see."""
    _needs_customers(request)
    user, today, asked = request.user, timezone.localdate(), request.GET
    tab = _one_of(asked.get("tab"), dict(queries.TABS), "today")
    who = _one_of(asked.get("who"), dict(PEOPLE), "mine")
    kind = _one_of(asked.get("kind"), dict(CareKind.choices), "")
    everything = queries.visible(user)
    if who == "mine":
        everything = queries.of_people(everything, [user.pk])
    elif who == "team":
        everything = queries.of_people(everything, sorted(user.subordinate_ids() - {user.pk}))
    if kind:
        everything = everything.filter(kind=kind)
    counts = queries.counts(everything, today)
    order = ("-done_at", "-pk") if tab == "done" else ("due_on", "pk")
    rows = everything.filter(queries.in_tab(tab, today)).select_related(
        "customer__owner", "owner", "done_by", "plan__type"
    )
    pager = Pager(request, rows.order_by(*order))

    def link(**change) -> str:
        chosen = {"tab": tab, "who": who, "kind": kind} | change
        return f"{CARE}?{urlencode({key: value for key, value in chosen.items() if value})}"

    return render_page(
        request,
        "customers/care.html",
        {
            "nav_active": "care",
            "tab": tab,
            "tabs": [
                {
                    "label": label,
                    "url": link(tab=key),
                    "active": key == tab,
                    "count": counts[key] if key != "done" else None,
                }
                for key, label in queries.TABS
            ],
            "people": [{"label": label, "url": link(who=key), "active": key == who} for key, label in PEOPLE],
            "kinds": [
                {"label": label, "url": link(kind=key), "active": key == kind}
                for key, label in (("", "全部类型"), *CareKind.choices)
            ],
            "rows": rows_of(list(pager.rows), user, today),
            "pager": pager.context(),
            "late": counts["overdue"],
            "late_url": link(tab="overdue"),
            "all_url": link(who="all"),
            "who": who,
        },
    )


def _one_of(text, known: dict, otherwise: str) -> str:
    return text if text in known else otherwise


def _task(request, pk: int) -> CareTask:
    """The task the person may close: 404 out of sight, 403 where its customer may not be followed up."""
    _needs_customers(request)
    rows = queries.visible(request.user).select_related("customer", "contact", "plan__type")
    task = rows.filter(pk=pk).first()
    if task is None:
        raise Http404
    if not scope.may(request.user, "follow", task.customer):
        raise PermissionDenied("您可以查看这个客户，但不能跟进它。")
    return task


def _dialog(request, task: CareTask, form, *, heading: str, submit: str, act):
    """Ask, and do it on POST: back to where the person came from."""
    if request.method == "POST" and form.is_valid():
        try:
            act()
        except ValidationError as error:
            move_errors(form, error)
        else:
            back = request.htmx.current_url_abs_path if request.htmx else ""
            return done(request, back or CARE, "操作成功")
    context = {
        "heading": heading,
        "body": f"{task.customer.name}：{task.text}",
        "submit_label": submit,
        "fields": form,
        "module": CRUMB,
        "nav_active": "care",
    }
    return render_page(request, "records/confirm.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def finish(request, pk: int):
    """/care/<pk>/done/"""
    task = _task(request, pk)
    editable = scope.may(request.user, "edit", task.customer)
    form = DoneForm(request.POST or None, task=task, user=request.user, editable=editable)

    def act():
        services.done(task, by=request.user, **form.values())

    return _dialog(request, task, form, heading="完成关怀", submit="完成", act=act)


@require_http_methods(["GET", "HEAD", "POST"])
def skip(request, pk: int):
    """/care/<pk>/skip/"""
    task = _task(request, pk)
    form = SkipForm(request.POST or None)

    def act():
        services.skip(task, by=request.user, reason=form.cleaned_data["reason"])

    return _dialog(request, task, form, heading="跳过这次关怀？", submit="跳过", act=act)


class PlanView(ModuleView):
    """/customers/<pk>/plan/: the contact plan."""

    module_name = "customer"
    action = "edit"

    def get(self, request, pk):
        return self.form_of(self.record(), None)

    def post(self, request, pk):
        return self.form_of(self.record(), request.POST)

    def form_of(self, customer: Customer, data):
        plan = ContactPlan.objects.filter(customer=customer, active=True).first()
        form = PlanForm(data, instance=plan or ContactPlan(customer=customer), user=self.user)
        back = f"{self.module.url(pk=customer.pk)}?tab=care"
        if data is not None and form.is_valid():
            try:
                services.keep_plan(customer, by=self.user, **form.changed_values())
            except ValidationError as error:
                move_errors(form, error)
            else:
                return done(self.request, back, "保存成功")
        return form_page(
            self.request,
            form,
            heading=f"联系计划：{customer.name}",
            sections=[("", "", PlanForm.Meta.fields)],
            crumb=self.module,
            back_url=back,
            nav_active="customer",
        )


class PlanStopView(ModuleView):
    """/customers/<pk>/plan/stop/"""

    module_name = "customer"
    action = "edit"

    def get(self, request, pk):
        return self.ask(self.record())

    def ask(self, customer: Customer, *, trouble: str = ""):
        return self.page(
            "records/confirm.html",
            {
                "heading": "停止联系计划？",
                "body": trouble or f"不再提醒定期联系“{customer.name}”，规则也不会再给它建计划；已完成的记录保留。",
                "submit_label": "停止",
                "danger": True,
                "action": self.request.path,
                "back_url": f"{self.module.url(pk=customer.pk)}?tab=care",
            },
            status=422 if trouble else 200,
        )

    def post(self, request, pk):
        customer = self.record()
        try:
            services.stop_plan(customer, by=self.user)
        except ValidationError as error:
            return self.ask(customer, trouble="；".join(error.messages))
        messages.success(request, "操作成功")
        return go(request, f"{self.module.url(pk=pk)}?tab=care")
