"""The form of a request: its title and the custom fields of its type."""

from django import forms

from crm.records.forms import RecordForm

from .models import Request, RequestType


class RequestForm(RecordForm):
    """Fields of other types are absent; a new request says its type in a hidden field."""

    sections = (("申请内容", "", ("title",)),)

    class Meta:
        model = Request
        fields = ["title"]

    def prepare(self):
        if self.instance.pk is None and self.instance.type_id:
            self.initial["title"] = self.initial.get("title") or f"{self.user.name}的{self.instance.type.name}"
            self.fields["type"] = forms.IntegerField(widget=forms.HiddenInput, initial=self.instance.type_id)

    def customise(self):
        super().customise()
        mine = set(self.instance.type.keys) if self.instance.type_id else set()
        for key in self.fieldset.custom:
            if key in self.fields and key not in mine:
                del self.fields[key]

    def arranged(self):
        """In the order of the type, all in one section: what the company arranged is the order of many types."""
        keys = self.instance.type.keys if self.instance.type_id else []
        return [("申请内容", ["title", *[key for key in keys if key in self.fields]])]

    def custom_values(self):
        return {key: value for key, value in super().custom_values().items() if key in self.fields}


class TypeForm(forms.ModelForm):
    """A kind of request, as an administrator writes it; its fields have a page of their own."""

    class Meta:
        model = RequestType
        fields = ["name", "icon", "pattern", "note"]
        widgets = {"icon": forms.Select(attrs={"data-search": ""})}

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    laid = [("", "", ("name", "icon", "pattern", "note"))]

    def _post_clean(self):
        """The service checks the row under its lock."""
