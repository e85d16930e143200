"""Create and edit: forms in sections, the version check, mine/theirs when someone else saved meanwhile."""

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from .. import services
from ..custom.forms import FilesField
from .base import ModuleView, go

_SALT = "kaihai.original"


def raw(form, name) -> str:
    """The value of a form field as the browser would send it."""
    field = form.fields[name]
    value = form[name].initial
    value = field.prepare_value(value)
    if isinstance(value, list | tuple):
        return ",".join(str(one) for one in value)
    if hasattr(value, "strftime"):
        value = field.widget.format_value(value)
    return "" if value is None or value is False else "on" if value is True else str(value)


def several(field) -> bool:
    return isinstance(field, forms.MultipleChoiceField)


def sent(data, field, name) -> str:
    """What a browser sent for a field, in the form of `raw`."""
    return ",".join(data.getlist(name)) if several(field) else data.get(name, "")


def words(form, name, value) -> str:
    """A sent value as people read it: labels of choices, names of picked rows."""
    field = form.fields[name]
    if value in (None, ""):
        return ""
    try:
        cleaned = field.clean(value.split(",") if several(field) else value)
    except ValidationError:
        return str(value)
    if several(field):
        labels = dict(field.choices)
        return "、".join(str(labels.get(one, one)) for one in cleaned or ())
    if hasattr(field, "flatchoices") or hasattr(field, "choices"):
        if hasattr(cleaned, "pk"):
            return str(cleaned)
        return str(dict(field.choices).get(cleaned, cleaned))
    return {True: "是", False: "否"}.get(cleaned, str(value)) if isinstance(cleaned, bool) else str(value)


class FormView(ModuleView):
    """What creating and editing share."""

    def bound(self, instance, data=None, initial=None):
        files = self.request.FILES if data is not None else None
        return self.module.form_class(data, files, instance=instance, user=self.user, initial=initial)

    def render_form(self, form, heading, *, back, status=200, **more):
        errors = [
            {
                "id": form[name].id_for_label or form[name].auto_id,
                "label": str(form.fields[name].label),
                "text": "；".join(found),
            }
            for name, found in form.errors.items()
            if name in form.fields
        ]
        order = list(form.fields)
        errors.sort(
            key=lambda error: next(
                (i for i, name in enumerate(order) if (form[name].id_for_label or form[name].auto_id) == error["id"]),
                99,
            )
        )
        return self.page(
            "records/form.html",
            {
                "form": form,
                "sections": form.laid_out(),
                "errors": errors,
                "heading": heading,
                "back_url": back,
                "duplicates_url": self.module.url("duplicates") if self.module.duplicate_hint else None,
                **more,
            },
            status=status,
        )

    def apply_errors(self, form, error):
        """Put a service's ValidationError at the fields of the form, the rest on top."""
        if not hasattr(error, "error_dict"):
            return form.add_error(None, error)
        for name, found in error.message_dict.items():
            form.add_error(name if name in form.fields else None, found)
        return None


class CreateView(FormView):
    """GET/POST /<prefix>/new/"""

    action = "create"

    def get(self, request):
        initial = {name: value for name, value in request.GET.items() if name in self.module.form_class.base_fields}
        return self.show(self.bound(self.module.model(), initial=initial))

    def show(self, form, status=200):
        in_dialog = self.request.htmx and self.request.htmx.target == "dialog"
        return self.render_form(
            form, f"新建{self.module.label}", back=self.module.list_url, status=status, can_save_new=not in_dialog
        )

    def post(self, request):
        form = self.bound(self.module.model(), request.POST)
        if form.is_valid():
            try:
                with transaction.atomic():
                    record = (
                        self.module.create_from(form, by=self.user)
                        if self.module.create_from
                        else self.module.verb("create")(form.instance, by=self.user)
                    )
            except ValidationError as error:
                self.apply_errors(form, error)
            except IntegrityError:
                form.add_error(None, "刚刚有人保存了相同的记录，请检查后重试。")
            else:
                messages.success(request, "保存成功")
                if "_new" in request.POST:
                    return go(request, request.get_full_path())
                if request.htmx and request.htmx.target == "dialog":
                    return go(request, request.htmx.current_url_abs_path or self.module.list_url)
                return go(request, self.after(record))
        return self.show(form, 422 if request.htmx else 200)

    def after(self, record) -> str:
        return self.module.list_url


class EditView(FormView):
    """GET/POST /<prefix>/<pk>/edit/"""

    action = "edit"

    def get(self, request, pk):
        record = self.record()
        return self.show(self.bound(record), record, record.version)

    def show(self, form, record, version, original=None, status=200):
        original = original or signing.dumps({name: raw(form, name) for name in form.fields}, salt=_SALT, compress=True)
        form.fields["version"] = _hidden(version)
        form.fields["original"] = _hidden(original)
        if form.is_bound:
            form.data = form.data.copy()
            form.data["version"], form.data["original"] = version, original
        return self.render_form(form, f"编辑{self.module.label}", back=self.module.url(pk=record.pk), status=status)

    def post(self, request, pk):
        record = self.record()
        data = request.POST.copy()
        version = int(data["version"]) if data.get("version", "").isdigit() else 0
        plain = self.bound(record)
        for name in plain.fields:  # the conflict page's choices
            if data.get(f"choose_{name}") == "theirs":
                theirs = raw(plain, name)
                data.setlist(name, theirs.split(",") if several(plain.fields[name]) and theirs else [theirs])
        if version != record.version:
            return self.conflict(record, data)
        form = self.bound(type(record).objects.get(pk=record.pk), data)
        if form.is_valid():
            try:
                self.save(form, record, version)
            except services.Stale as stale:
                return self.conflict(stale.current, data)
            except ValidationError as error:
                self.apply_errors(form, error)
            except IntegrityError:
                form.add_error(None, "刚刚有人保存了相同的记录，请检查后重试。")
            else:
                messages.success(request, "保存成功")
                back = request.htmx.current_url_abs_path if request.htmx and request.htmx.target == "dialog" else None
                return go(request, back or self.module.url(pk=record.pk))
        return self.show(form, record, version, data.get("original"), 422 if request.htmx else 200)

    def save(self, form, record, version: int):
        """Store what the form says; the saved record."""
        return self.module.verb("update")(record, form.changed_values(), version=version, by=self.user)

    def conflict(self, record, data):
        """Mine, theirs and what stood there when the form was opened; what was typed travels along."""
        try:
            original = signing.loads(data.get("original", ""), salt=_SALT)
        except signing.BadSignature:
            original = {}
        plain = self.bound(record)
        mine_form = self.bound(type(record).objects.get(pk=record.pk), data)
        rows, hidden, again = [], [], []
        for name in plain.fields:
            mine, theirs, opened = sent(data, plain.fields[name], name), raw(plain, name), original.get(name, "")
            if mine != theirs:
                rows.append(
                    {
                        "name": name,
                        "label": str(plain.fields[name].label),
                        "original": words(plain, name, opened),
                        "theirs": words(plain, name, theirs),
                        "mine": words(mine_form, name, mine),
                        "pick": "theirs" if mine == opened else "mine",
                    }
                )
            if isinstance(plain.fields[name], FilesField):
                hidden += [(f"{name}-drop", one) for one in data.getlist(f"{name}-drop")]
                if self.request.FILES.getlist(name):
                    again.append(str(plain.fields[name].label))
                continue
            hidden += [(name, one) for one in data.getlist(name)] if several(plain.fields[name]) else [(name, mine)]
        fresh = signing.dumps({name: raw(plain, name) for name in plain.fields}, salt=_SALT, compress=True)
        hidden += [("version", record.version), ("original", fresh)]
        from ..models import OperationLog
        from .detail import generic

        last = (
            OperationLog.objects.filter(content_type=generic(type(record)), object_id=record.pk)
            .select_related("actor")
            .order_by("-pk")
            .first()
        )
        return self.page(
            "records/conflict.html",
            {
                "record": record,
                "rows": rows,
                "hidden": hidden,
                "choose_again": again,
                "heading": self.module.title_of(record),
                "back_url": self.module.url(pk=record.pk),
                "changed_by": last.actor.name if last and last.actor else "",
                "changed_at": last.created_at if last else None,
            },
            status=409 if not self.request.htmx else 200,
        )


def _hidden(value):
    return forms.CharField(widget=forms.HiddenInput, initial=value, required=False)
