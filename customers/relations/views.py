"""Pages of 关联客户: the tab, add, remove; linking and unlinking contacts."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from crm.records import modules, scope
from crm.records.views.base import ModuleView, deny, go

from ..models import ContactCustomer, CustomerRelation
from . import queries, services
from .forms import LinkForm, RelationForm


def relations_tab(request, customer, rights) -> dict:
    """What customers/relations.html shows."""
    related, may = queries.related(customer, request.user), "edit" in rights
    return {
        "rows": [
            {
                "customer": other,
                "kind": kind,
                "note": relation.note,
                "remove_url": f"/customers/relations/{relation.pk}/remove/?at={customer.pk}" if may else "",
            }
            for relation, other, kind in related.rows
        ],
        "hidden": related.hidden,
        "group": queries.group(customer, request.user),
        "add_url": f"/customers/{customer.pk}/relations/new/" if may else "",
    }


class _AddView(ModuleView):
    """Add something to the customer of the address, by a form in a dialog."""

    module_name = "customer"
    action = "edit"
    form, heading, submit, tab, done = None, "", "", "", ""

    def get(self, request, pk):
        record = self.record()
        return self.show(record, self.form(user=self.user, record=record))

    def show(self, record, form):
        return self.page(
            "records/confirm.html",
            {
                "heading": self.heading.format(record.name),
                "submit_label": self.submit,
                "fields": form,
                "hidden": [],
                "action": self.request.path,
                "back_url": f"{self.module.url(pk=record.pk)}?tab={self.tab}",
            },
            status=422 if form.is_bound and self.request.htmx else 200,
        )

    def post(self, request, pk):
        record = self.record()
        form = self.form(request.POST, user=self.user, record=record)
        if form.is_valid():
            try:
                self.save(record, form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, self.done)
                return go(request, f"{self.module.url(pk=pk)}?tab={self.tab}")
        return self.show(record, form)


class RelateView(_AddView):
    """/customers/<pk>/relations/new/"""

    form, tab = RelationForm, "relations"
    heading, submit, done = "给“{}”添加关联客户", "添加", "已添加关联客户"

    def save(self, record, data):
        services.relate(record, data["other"], data["kind"], note=data["note"], by=self.user)


class LinkContactView(_AddView):
    """/customers/<pk>/contacts/link/"""

    form, tab = LinkForm, "contacts"
    heading, submit, done = "把已有的联系人关联到“{}”", "关联", "已关联联系人"

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_function("contact.view"):
            deny(modules.get("contact"), "view")
        return super().dispatch(request, *args, **kwargs)

    def save(self, record, data):
        services.link_contact(data["contact"], record, position=data["position"], by=self.user)


class _RemoveView(ModuleView):
    """Ask, then end a tie."""

    module_name = "customer"
    action = "edit"

    def ask(self, heading: str, body: str, submit: str, back: str):
        return self.page(
            "records/confirm.html",
            {
                "heading": heading,
                "body": body,
                "submit_label": submit,
                "danger": True,
                "hidden": [],
                "action": self.request.get_full_path(),
                "back_url": back,
            },
        )

    def check(self, customers) -> None:
        """404 unless the person sees all of these customers, 403 where they may edit none."""
        if not all(customers):
            raise Http404
        if not any(scope.may(self.user, self.action, one) for one in customers):
            raise PermissionDenied("您可以查看这条客户，但不能对它做此操作：它不在您负责的范围内。")

    def visible(self, pk):
        """The tie, when no function to edit is held: 404 out of sight."""
        return self.tie()


class RemoveRelationView(_RemoveView):
    """/customers/relations/<pk>/remove/?at=<customer>"""

    def tie(self):
        relation = CustomerRelation.objects.filter(pk=self.kwargs["pk"]).select_related("kind").first()
        if relation is None:
            raise Http404
        seen = queries.visible([relation.customer_id, relation.other_id], self.user)
        self.ends = [seen.get(relation.customer_id), seen.get(relation.other_id)]
        if not all(self.ends):
            raise Http404
        return relation

    def tab_url(self) -> str:
        at = self.request.GET.get("at", "")
        pk = int(at) if at in {str(one.pk) for one in self.ends} else self.ends[0].pk
        return f"{self.module.url(pk=pk)}?tab=relations"

    def get(self, request, pk):
        self.tie()
        self.check(self.ends)
        first, second = self.ends
        return self.ask(
            "移除关联客户？",
            f"“{first.name}”和“{second.name}”不再互相关联，两个客户本身不变。",
            "移除",
            self.tab_url(),
        )

    def post(self, request, pk):
        relation = self.tie()
        self.check(self.ends)
        services.unrelate(relation, by=self.user)
        messages.success(request, "已移除关联客户")
        return go(request, self.tab_url())


class UnlinkContactView(_RemoveView):
    """/customers/contact-links/<pk>/remove/"""

    def tie(self):
        link = ContactCustomer.objects.filter(pk=self.kwargs["pk"]).select_related("contact", "customer").first()
        if link is None or link.customer_id not in queries.visible([link.customer_id], self.user):
            raise Http404
        return link

    def get(self, request, pk):
        link = self.tie()
        self.check([link.customer])
        return self.ask(
            f"移除兼任联系人“{link.contact.name}”？",
            f"“{link.contact.name}”不再列在“{link.customer.name}”下，联系人本身和它的所属客户不变。",
            "移除",
            f"{self.module.url(pk=link.customer_id)}?tab=contacts",
        )

    def post(self, request, pk):
        link = self.tie()
        self.check([link.customer])
        services.unlink_contact(link, by=self.user)
        messages.success(request, "已移除兼任联系人")
        return go(request, f"{self.module.url(pk=link.customer_id)}?tab=contacts")
