"""Forms of the shared bulk actions: transfer and team."""

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone

from ..formfields import Picked, SeveralPicked


class TransferForm(forms.Form):
    """New owner, what goes along, what becomes of the former owner."""

    KEEP = (("", "移除"), ("read", "转为团队成员（只读）"), ("write", "转为团队成员（读写）"))

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        people = get_user_model().objects.filter(is_active=True)
        self.fields["owner"] = Picked(
            people, kind="colleague", label="新负责人", error_messages={"required": "请选择新负责人"}
        )
        options = []
        for child in module.children:
            if child.owned and child.may(user, "transfer"):
                count = (
                    child.model.objects.allowed(user, "transfer")
                    .filter(
                        **{f"{module.name}_id__in": rows.order_by().values("pk"), "owner": F(f"{module.name}__owner")}
                    )
                    .count()
                )
                if count:
                    options.append((child.name, f"{child.label}（{count} 个）"))
        if options:
            self.fields["children"] = forms.MultipleChoiceField(
                label="同时转移",
                choices=options,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                initial=[name for name, _ in options],
            )
        if module.grant_model:
            self.fields["keep"] = forms.ChoiceField(
                label="原负责人", choices=self.KEEP, required=False, widget=forms.RadioSelect, initial=""
            )
            self.fields["until"] = until_field()


class TeamForm(forms.Form):
    """Colleagues, right, last day."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        people = get_user_model().objects.filter(is_active=True)
        self.fields["people"] = SeveralPicked(people, kind="colleague", label="同事")
        self.fields["right"] = forms.ChoiceField(
            label="权限", choices=(("read", "只读"), ("write", "读写")), initial="read", widget=forms.RadioSelect
        )
        self.fields["until"] = until_field()

    def clean_until(self):
        until = self.cleaned_data["until"]
        if until and until < timezone.localdate():
            raise ValidationError("有效期不能早于今天。")
        return until


def until_field():
    return forms.DateField(
        label="有效期至",
        required=False,
        help_text="不填则一直有效",
        widget=forms.DateInput(attrs={"data-date": ""}, format="%Y-%m-%d"),
        error_messages={"invalid": "日期格式应为 2026-01-31"},
    )
