"""What 暂缓流失, 确定流失 and 恢复正常 ask for; the forms of bulk actions."""

from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records.formfields import DictionaryChoice
from crm.records.models import DictionaryItem

from ..models import ChurnRecord
from .services import HOLD_AT_MOST, HOLD_DAYS


def _words(label: str, *, required: bool = True, help_text: str = ""):
    return ChurnRecord._meta.get_field("text").formfield(
        label=label, required=required, help_text=help_text, error_messages={"required": f"请填写{label}"}
    )


class PostponeForm(forms.Form):
    """Measures, and until when."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["measures"] = _words("挽回措施")
        self.fields["until"] = forms.DateField(
            label="暂缓至",
            initial=lambda: timezone.localdate() + timedelta(days=HOLD_DAYS),
            help_text=f"这一天之前不再预警，最多 {HOLD_AT_MOST} 天",
            widget=forms.DateInput(attrs={"data-date": ""}, format="%Y-%m-%d"),
            error_messages={"invalid": "日期格式应为 2026-01-31", "required": "请填写暂缓至"},
        )

    def clean_until(self):
        until, today = self.cleaned_data["until"], timezone.localdate()
        if not today < until <= today + timedelta(days=HOLD_AT_MOST):
            last = today + timedelta(days=HOLD_AT_MOST)
            raise ValidationError(f"请填写明天到 {last:%Y-%m-%d} 之间的日期")
        return until


class ConfirmForm(forms.Form):
    """The reason, and what else there is to say."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        code = "customer.churn_reason"
        self.fields["reason"] = DictionaryChoice(
            code=code, label="流失原因", error_messages={"required": "请选择流失原因"}
        )
        self.fields["reason"].offer(list(DictionaryItem.objects.filter(dictionary=code)), None)
        self.fields["words"] = _words("补充说明", required=False)


class RestoreForm(forms.Form):
    """Why."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["words"] = _words("恢复原因")
