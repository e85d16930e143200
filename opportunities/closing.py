"""What closing an opportunity asks for, wherever it is closed."""

from django import forms

from crm.records.fields import tidy
from crm.records.formfields import DictionaryChoice
from crm.records.models import DictionaryItem

from .models import State

VERBS = {State.WON: "赢单", State.LOST: "输单", State.VOID: "设为无效"}


class CloseForm(forms.Form):
    """Reason (a dictionary item, needed unless it is won) and note; `state` = what it becomes."""

    def __init__(self, *args, state: str, **kwargs):
        super().__init__(*args, **kwargs)
        needed = state != State.WON
        reason = DictionaryChoice(code="opportunity.close_reason", label="原因", required=needed)
        reason.offer(list(DictionaryItem.objects.filter(dictionary=reason.code)), None)
        reason.error_messages["required"] = "请选择原因"
        self.fields["reason"] = reason
        self.fields["note"] = forms.CharField(
            label="说明",
            required=False,
            max_length=500,
            error_messages={"max_length": "最多 500 个字"},
            widget=forms.Textarea(attrs={"rows": 3}),
        )

    def clean_note(self):
        return tidy(self.cleaned_data["note"], multiline=True)
