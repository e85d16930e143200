"""Forms of the bulk actions on opportunities."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records.formfields import DictionaryChoice
from crm.records.models import DictionaryItem

from . import pipelines, stages
from .models import Opportunity, Stage

REASONS = "opportunity.close_reason"


class WonForm(forms.Form):
    """赢单: a note; the reason is asked only of the others."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["note"] = Opportunity._meta.get_field("close_note").formfield(required=False)


class LostForm(WonForm):
    """输单 and 无效: why."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, user=user, module=module, rows=rows, **kwargs)
        reason = DictionaryChoice(code=REASONS, label="原因", required=True, error_messages={"required": "请选择原因"})
        reason.offer(list(DictionaryItem.objects.filter(dictionary=REASONS)), None)
        self.fields = {"reason": reason, **self.fields}


class StageForm(forms.Form):
    """A stage of any pipeline the person may use."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        groups = [
            (one.name, [(stage.pk, f"{stage.name}（{stage.probability}%）") for stage in one.stages])
            for one in (pipelines.offered(user) if stages.may_move(user) else ())
        ]
        self.user = user
        self.fields["stage"] = forms.TypedChoiceField(
            label="商机组和阶段",
            coerce=int,
            choices=[("", "请选择"), *groups],
            error_messages={"required": "请选择阶段", "invalid_choice": "请选择列表中的选项"},
        )

    def clean(self):
        data = super().clean()
        if not stages.may_move(self.user):
            raise ValidationError(stages.FIXED)
        if "stage" in data and not Stage.objects.filter(pk=data["stage"]).exists():
            raise ValidationError({"stage": "这个阶段刚被删除，请重新选择"})
        return data

    def stage(self) -> Stage:
        return Stage.objects.select_related("pipeline").get(pk=self.cleaned_data["stage"])
