"""The form of a handover: who gets what, when, and what becomes of the account."""

from django import forms
from django.utils import timezone

from crm.records.formfields import Cleaned, SeveralPicked

from ..models import Employee
from . import pieces
from .models import Handover
from .services import RECEIVERS


def _people(person, label: str, *, required: bool, help_text: str = "") -> SeveralPicked:
    field = SeveralPicked(
        Employee.objects.filter(is_active=True).exclude(pk=person.pk),
        kind="employee",
        query={"for": "admin.org"},
        label=label,
        required=required,
        help_text=help_text,
        error_messages={
            "required": "请选择接手人",
            "invalid_choice": "接手人须是在职的员工，不能是本人",
            "invalid_pk_value": "请选择列表中的员工",
        },
    )
    field.widget.attrs["placeholder"] = "输入姓名、手机号或拼音首字母"
    return field


def _choice(name: str, *, label: str = "", help_text: str = "") -> forms.ChoiceField:
    field = Handover._meta.get_field(name)
    return forms.ChoiceField(
        label=label or str(field.verbose_name),
        choices=field.choices,
        initial=field.default,
        widget=forms.RadioSelect,
        help_text=help_text,
        error_messages={"required": "请选择", "invalid_choice": "请选择列表中的选项"},
    )


def field_of(key: str) -> str:
    """The form field of a piece's own receivers."""
    return f"to_{key.replace('.', '-')}"


class PlanForm(forms.Form):
    """`counts` = {piece: how many there are}; only what there is any of is asked about."""

    def __init__(self, data=None, *, person, counts: dict[str, int], handover: Handover | None = None):
        self.person, self.counts, self.handover = person, counts, handover
        super().__init__(data, initial=self._initial())
        self.fields["to"] = _people(
            person, "接手人", required=True, help_text=f"选几个人（最多 {RECEIVERS} 个）时，按编号轮流平均分给他们"
        )
        self.own = [piece for piece in pieces.ordered() if piece.key in counts and not piece.key.startswith("team.")]
        for piece in self.own:
            self.fields[field_of(piece.key)] = _people(
                person, f"{piece.label}（{counts[piece.key]:,}）", required=False, help_text="不选则同上"
            )
        takers = [piece for piece in self.own if any(parent.name in counts for parent in piece.parents)]
        for piece in takers:
            parent = next(parent for parent in piece.parents if parent.name in counts)
            self.fields[f"along_{piece.key}"] = forms.BooleanField(
                label=f"{piece.label}随{parent.label}交给同一个人",
                required=False,
                initial=True,
                help_text=f"{parent.label}不归{person.name}的，交给下面选的人",
            )
        self.takers = takers
        if any(key.startswith("team.") for key in counts):
            self.fields["teams"] = _choice("teams", help_text="转给接手人时，接手人已是负责人或成员的直接移除")
        if "part.reports" in counts:
            self.fields["reports"] = _choice("reports", label="下属的直属上级改为")
        self.fields["when"] = forms.ChoiceField(
            label="生效时间",
            choices=(("now", "现在"), ("later", "定时")),
            initial="now",
            widget=forms.RadioSelect,
            error_messages={"required": "请选择生效时间", "invalid_choice": "请选择列表中的选项"},
        )
        self.fields["starts_at"] = forms.DateTimeField(
            label="定时生效",
            required=False,
            help_text="选“定时”时填写，到时自动开始，之前可以修改或取消",
            widget=forms.DateTimeInput(
                attrs={"data-date": "time", "placeholder": "2026-01-31 18:00"}, format="%Y-%m-%d %H:%M"
            ),
            error_messages={"invalid": "时间格式应为 2026-01-31 18:00"},
        )
        if person.is_active:
            self.fields["account"] = _choice("account")
        self.fields["note"] = Cleaned(
            model_field=Handover._meta.get_field("note"),
            label="说明",
            required=False,
            help_text="写给接手人，最多 500 个字",
            widget=forms.Textarea(attrs={"rows": 3}),
        )

    def _initial(self) -> dict:
        """What a handover that waits was asked with."""
        found = self.handover
        if found is None:
            return {}
        values = {field_of(key): ids for key, ids in found.plan.get("own", {}).items()}
        values |= {f"along_{key}": key in found.plan.get("along", ()) for key in self.counts}
        for name in ("teams", "reports", "account", "note", "starts_at"):
            values[name] = getattr(found, name)
        return {**values, "to": found.plan["all"], "when": "later"}

    @property
    def sections(self) -> list[tuple[str, str, list[str]]]:
        """(title, note, field names) for form_page."""
        each = [field_of(piece.key) for piece in self.own]
        along = [f"along_{piece.key}" for piece in self.takers]
        return [
            ("交给谁", "记录的阶段、跟进和附件都不变，只换负责人", ["to"]),
            ("分类交接", "可以按类型交给不同的人", [*along, *each, "teams", "reports"]),
            ("生效", "", ["when", "starts_at", "account", "note"]),
        ]

    def clean(self):
        data = super().clean()
        for name in ["to", *(field_of(piece.key) for piece in self.own)]:
            if len(data.get(name) or ()) > RECEIVERS:
                self.add_error(name, f"最多选 {RECEIVERS} 个人")
        if data.get("when") == "later" and "starts_at" not in self.errors:
            if data.get("starts_at") is None:
                self.add_error("starts_at", "请填写生效时间")
            elif data["starts_at"] <= timezone.now():
                self.add_error("starts_at", "生效时间应在现在之后")
        return data

    def wishes(self) -> dict:
        """What services.ask takes, `over_cap` aside."""
        data = self.cleaned_data
        own = {piece.key: sorted(one.pk for one in data[field_of(piece.key)]) for piece in self.own}
        found = {
            "plan": {
                "all": sorted(one.pk for one in data["to"]),
                "own": {key: ids for key, ids in own.items() if ids},
                "along": [piece.key for piece in self.takers if data[f"along_{piece.key}"]],
            },
            "starts_at": data["starts_at"] if data["when"] == "later" else None,
            "note": data["note"] or "",
            "account": data.get("account", Handover.Account.KEEP),
        }
        return found | {name: data[name] for name in ("teams", "reports") if name in data}


class BackForm(forms.Form):
    """Taking back, where the handover disabled the account."""

    def __init__(self, *args, name: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["enable"] = forms.BooleanField(label=f"重新启用{name}的账号", required=False, initial=True)
