"""The forms of 商机组 and their stages."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records.fields import tidy
from crm.records.formfields import Cleaned
from customers.pools.setting_forms import DepartmentsPicked, Whole

from . import setting_services as verbs
from .models import Pipeline, Stage

MOST_DAYS = 3650
MOST_ACTIONS, ACTION = 20, 100


def _text(model, name: str, label: str, initial: str):
    return Cleaned(
        label=label,
        model_field=model._meta.get_field(name),
        initial=initial,
        required=True,
        error_messages={"required": f"请填写{label}"},
    )


def _days(label: str, value: int | None, help_text: str):
    field = Whole(label, least=1, most=MOST_DAYS, wide=True)
    field.initial, field.help_text = value, help_text
    return field


class PipelineForm(forms.Form):
    """Name, whom it serves, when opportunities count as idle and are closed."""

    sections = (("", "", ("name", "departments", "idle_days", "close_days")),)

    def __init__(self, data=None, *, pipeline: Pipeline):
        super().__init__(data)
        served = [one.pk for one in pipeline.departments.all()] if pipeline.pk else []
        idle = pipeline.idle_days if pipeline.pk else Pipeline._meta.get_field("idle_days").default
        self.fields["name"] = _text(Pipeline, "name", "名称", pipeline.name)
        self.fields["departments"] = DepartmentsPicked(
            label="适用部门", required=False, initial=served, help_text="含下级部门；不选就是所有部门"
        )
        self.fields["idle_days"] = _days("几天未动算停滞", idle, "没有推进、跟进和编辑；不填就不提示")
        self.fields["close_days"] = _days("几天未动自动输单", pipeline.close_days, "不填就不自动关闭")
        if pipeline.pk:
            self.fields["version"] = forms.IntegerField(widget=forms.HiddenInput, initial=pipeline.version)

    def values(self) -> dict:
        """What the services take."""
        data = self.cleaned_data
        return {**{name: data[name] for name in verbs.PIPELINE_FIELDS}, "departments": data["departments"]}


class StageForm(forms.Form):
    """A stage: its probability, what it demands, what it suggests, how long it may last."""

    sections = (("", "", ("name", "probability", "required", "checklist", "max_days", "remind_days")),)

    def __init__(self, data=None, *, stage: Stage):
        super().__init__(data)
        chance = Whole("赢率（%）", least=0, most=100, required=True, wide=True)
        chance.initial, chance.help_text = stage.probability, "0 到 100，用来算预测金额"
        self.fields["name"] = _text(Stage, "name", "名称", stage.name)
        self.fields["probability"] = chance
        self.fields["required"] = forms.MultipleChoiceField(
            label="进入前必填",
            required=False,
            choices=verbs.demandable(),
            initial=stage.required,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"invalid_choice": "请选择列表中的选项"},
        )
        self.fields["checklist"] = forms.CharField(
            label="建议动作",
            required=False,
            initial="\n".join(stage.checklist),
            help_text="一行一个，做完可以打勾",
            widget=forms.Textarea(attrs={"rows": 4}),
        )
        self.fields["max_days"] = _days("最长停留天数", stage.max_days, "超过后在推进条上标红")
        self.fields["remind_days"] = _days("停留几天后提醒", stage.remind_days, "给负责人发一条消息")

    def clean_checklist(self):
        lines = [tidy(line) for line in tidy(self.cleaned_data["checklist"], multiline=True).split("\n")]
        found = list(dict.fromkeys(filter(None, lines)))
        if len(found) > MOST_ACTIONS:
            raise ValidationError(f"最多 {MOST_ACTIONS} 项建议动作")
        if any(len(line) > ACTION for line in found):
            raise ValidationError(f"每项最多 {ACTION} 个字")
        return found

    def values(self) -> dict:
        """What the services take."""
        return {name: self.cleaned_data[name] for name in verbs.STAGE_FIELDS}


class MoveAllForm(forms.Form):
    """Where the opportunities of a stage go that is deleted."""

    def __init__(self, data=None, *, stage: Stage):
        super().__init__(data)
        rows = (
            Stage.objects.select_related("pipeline")
            .exclude(pk=stage.pk)
            .order_by("pipeline__order", "pipeline", "order")
        )
        own = [(one.pk, one.name) for one in rows if one.pipeline_id == stage.pipeline_id]
        others: dict[str, list] = {}
        for one in rows:
            if one.pipeline_id != stage.pipeline_id:
                others.setdefault(one.pipeline.name, []).append((one.pk, one.name))
        self.stages = {one.pk: one for one in rows}
        self.fields["to"] = forms.TypedChoiceField(
            label="移到",
            coerce=int,
            choices=[("", "请选择"), (stage.pipeline.name, own), *others.items()],
            error_messages={"required": "请选择这些商机移到哪个阶段", "invalid_choice": "请选择列表中的选项"},
        )

    def to(self) -> Stage:
        return self.stages[self.cleaned_data["to"]]
