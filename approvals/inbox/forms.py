"""What the dialogs of an approval ask."""

from django import forms

from crm.records.formfields import Cleaned, Picked, SeveralPicked
from orgs.models import Employee

from ..models import Assignment

COMMENT = Assignment._meta.get_field("comment")


class NothingForm(forms.Form):
    """A dialog that only asks; `course` is None where it is about several approvals."""

    def __init__(self, data=None, *, course, user):
        super().__init__(data)
        self.course, self.user = course, user
        self.prepare()

    def prepare(self) -> None:
        """Fields of the dialog."""

    def ask(self, label: str, *, required: str = "", hint: str = "") -> None:
        self.fields["comment"] = Cleaned(
            model_field=COMMENT,
            label=label,
            required=bool(required),
            help_text=hint,
            widget=forms.Textarea(attrs={"rows": 3, "data-wide": ""}),
            error_messages={"required": required} if required else None,
        )

    def pick(self, label: str) -> None:
        others = Employee.objects.filter(is_active=True).exclude(pk=self.user.pk)
        self.fields["person"] = Picked(
            others, kind="colleague", label=label, error_messages={"required": f"请选择{label}"}
        )
        self.fields["person"].widget.choices = self.fields["person"].choices


class CommentForm(NothingForm):
    def prepare(self):
        self.ask("意见", hint="可以不填")


class ReasonForm(NothingForm):
    def prepare(self):
        self.ask("原因", required="请填写原因")


class TalkForm(NothingForm):
    def prepare(self):
        self.ask("评论", required="请填写评论", hint="审批人和发起人都能看到")


class SendBackForm(ReasonForm):
    """To a step that was decided before this one."""

    def prepare(self):
        super().prepare()
        steps = [(step.pk, step.name) for step in self.course.returnable()]
        self.fields["step"] = forms.TypedChoiceField(
            label="退回到",
            choices=steps,
            coerce=int,
            widget=forms.RadioSelect,
            error_messages={"required": "请选择退回到哪一步", "invalid_choice": "请选择前面的一步"},
        )
        self.order_fields(["step", "comment"])


class HandOverForm(NothingForm):
    def prepare(self):
        self.pick("转交给")
        self.ask("说明", hint="可以不填")


class AddForm(NothingForm):
    def prepare(self):
        others = Employee.objects.filter(is_active=True).exclude(pk=self.user.pk)
        self.fields["people"] = SeveralPicked(
            others, kind="colleague", label="加签人", error_messages={"required": "请选择加签人"}
        )
        self.fields["people"].widget.choices = self.fields["people"].choices
        self.fields["where"] = forms.ChoiceField(
            label="位置",
            choices=[("before", "在我之前审批"), ("after", "在我之后审批")],
            initial="before",
            widget=forms.RadioSelect,
            error_messages={"required": "请选择位置"},
        )
        self.ask("说明", hint="可以不填")
