"""Tags in the header of a record: shown, and changed in place."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from .. import fieldset
from ..tagging import services
from ..tagging.forms import RecordTagsForm
from .base import ModuleView, go


def strip(module, record, user, rights) -> dict:
    """What records/tags.html shows: the chips, and where they are changed if the person may."""
    fields = fieldset.of(module, user)
    if not fields.readable("tags"):
        return {}
    may = "edit" in rights and fields.editable("tags") and not record.deleted_at
    return {
        "tags": services.loaded(type(record), [record.pk]).get(record.pk, []),
        "url": module.url("tags", record.pk) if may else None,
    }


class TagsView(ModuleView):
    """/<prefix>/<pk>/tags/: GET the form (?show=1 the chips again), POST the choice."""

    action = "edit"

    def found(self):
        record, fields = self.record(), fieldset.of(self.module, self.user)
        if not fields.readable("tags"):
            raise Http404
        if not fields.editable("tags"):
            raise PermissionDenied("您的角色不能修改标签。")
        return record

    def get(self, request, pk):
        record = self.found()
        if "show" in request.GET:
            return self.chips(record)
        shown = services.loaded(type(record), [record.pk]).get(record.pk, [])
        initial = {"tags": [tag.name for tag in shown]}
        return self.form_page(record, RecordTagsForm(user=self.user, module=self.module, initial=initial))

    def post(self, request, pk):
        record = self.found()
        form = RecordTagsForm(request.POST, user=self.user, module=self.module)
        if form.is_valid():
            try:
                services.put(record, form.cleaned_data["tags"], by=self.user)
            except ValidationError as error:
                form.add_error("tags", error)
            else:
                if request.htmx and request.htmx.target != "dialog":
                    return self.chips(record)
                messages.success(request, "保存成功")
                return go(request, self.module.url(pk=pk))
        return self.form_page(record, form, status=422)

    def chips(self, record):
        return self.page("records/tags.html", {"strip": strip(self.module, record, self.user, {"edit"})})

    def form_page(self, record, form, status=200):
        context = {
            "record": record,
            "title": self.module.title_of(record),
            "form": form,
            "url": self.module.url("tags", record.pk),
            "back_url": self.module.url(pk=record.pk),
        }
        return self.page("records/tags_form.html", context, status=status)
