"""Before a document is submitted: who will decide, and the people its submitter chooses."""

from django import forms

from crm.records.formfields import Cleaned, SeveralPicked
from orgs.models import Employee

from . import documents, services
from .line import NAMES, names
from .models import Event, Step

MODES = dict(Step.Mode.choices)


class SubmitForm(forms.Form):
    """`coming` = the steps to come as templates/approvals/coming.html shows them; a field for each step whose people the submitter
    chooses. `chosen()` and `note` are what services.submit takes."""

    def __init__(self, data=None, *, document: str, subject, user, payload: dict | None = None):
        super().__init__(data)
        values = documents.ALL[document].values(subject, payload or {})
        owner = getattr(subject, "owner_id", None)
        self.preview = services.preview(document, submitter=user, values=values, owner=owner)
        self.keys = [step.key for step in self.preview.choices]
        others = Employee.objects.filter(is_active=True)
        for step in self.preview.choices:
            field = SeveralPicked(
                others,
                kind="colleague",
                label=f"“{step.name}”的审批人",
                error_messages={"required": f"请选择“{step.name}”的审批人"},
            )
            field.widget.choices = field.choices
            self.fields[f"chosen_{step.key}"] = field
        if self.preview.flow is not None:
            text = Event._meta.get_field("text")
            self.fields["note"] = Cleaned(
                model_field=Note(text.max_length),
                label="附言",
                required=False,
                help_text="审批人会看到，可以不填",
                widget=forms.Textarea(attrs={"rows": 2, "data-wide": ""}),
            )
        self.coming = described(self.preview)

    def chosen(self) -> dict[str, list[int]]:
        """{step key: employee ids} of the people chosen here."""
        return {key: [one.pk for one in self.cleaned_data[f"chosen_{key}"]] for key in self.keys}

    @property
    def note(self) -> str:
        return self.cleaned_data.get("note", "")

    def take(self, error) -> None:
        """A service's ValidationError: at the step it names, else on top."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error.messages)
            return
        for key, found in error.message_dict.items():
            self.add_error(f"chosen_{key}" if f"chosen_{key}" in self.fields else None, found)


class Note:
    """What Cleaned asks of a model field."""

    def __init__(self, most: int):
        self.most = most

    def clean_value(self, value):
        text = (value or "").replace("\x00", "").strip()
        if len(text) > self.most:
            raise forms.ValidationError(f"最多 {self.most} 个字")
        return text


def described(preview) -> dict:
    """The steps to come in words."""
    return {
        "flow": preview.flow.name if preview.flow else "",
        "steps": [
            {
                "name": step.name,
                "mode": MODES[step.mode] if len(step.seats) > 1 else "",
                "people": names([seat.person.name for seat in step.seats], NAMES),
                "note": step.note or "；".join(dict.fromkeys(seat.note for seat in step.seats if seat.note)),
                "skipped": step.skipped,
                "choose": step.choose,
            }
            for step in preview.steps
        ],
        "copies": names([one.name for one in preview.copies], NAMES),
        "missing": [step.name for step in preview.missing],
    }
