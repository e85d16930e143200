"""Forms of 开发计划."""

from django import forms

from crm.records.formfields import Cleaned

from ..models import PlanItem

AREA = {"rows": 4}


def text_field(name: str, label: str, *, required: bool) -> Cleaned:
    """A text of an item, checked by the model field."""
    return Cleaned(
        label=label,
        model_field=PlanItem._meta.get_field(name),
        required=required,
        widget=forms.Textarea(attrs=AREA),
        error_messages={"required": f"请填写{label}"},
    )


class Versioned(forms.Form):
    """What changes an item says which version it saw."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)


class AddForm(forms.Form):
    day = forms.DateField(
        label="日期",
        widget=forms.DateInput(attrs={"data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d"),
        help_text="保存后不能改",
        error_messages={"required": "请填写日期", "invalid": "日期格式应为 2026-01-31"},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["content"] = text_field("content", "计划内容", required=True)


class ContentForm(Versioned):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["content"] = text_field("content", "计划内容", required=True)


class ResultForm(Versioned):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["result"] = text_field("result", "执行效果", required=False)
