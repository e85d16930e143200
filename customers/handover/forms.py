"""Forms of 申请移交."""

from django import forms

from crm.records.views.bulkforms import TransferForm

from ..models import TransferRequest


def words(name: str, **more):
    field = TransferRequest._meta.get_field(name).formfield(**more)
    field.widget.attrs["rows"] = 4
    return field


class AskForm(forms.Form):
    """Why one wants the customer."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"] = words("reason", help_text="负责人和他的上级会看到")


class AgreeForm(TransferForm):
    """What goes along and what becomes of the former owner; the new one is whoever asked."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.fields["owner"]
        self.fields["answer"] = words("answer", label="附言", required=False)


class RefuseForm(forms.Form):
    """Why not."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["answer"] = words("answer", label="拒绝的理由", required=True)
        self.fields["answer"].error_messages["required"] = "请填写拒绝的理由"
