"""The forms of the pools' settings: a pool with its rules, a new pool, where records go, a cap."""

from dataclasses import replace

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from crm.records.formfields import Cleaned, Picked, SeveralPicked
from orgs import tree
from orgs.models import Department, Employee, Role

from ..models import OwnerCap, Pool
from . import book, kinds, wording

MOST_DAYS = 3650
REMINDERS = 3
CHOOSE = {"invalid_choice": "请选择列表中的选项", "required": "请选择"}


class Whole(forms.IntegerField):
    """A whole number typed into a sentence; empty = none. The sentences name the bounds."""

    def __init__(self, label: str, *, least: int, most: int, required: bool = False, wide: bool = False):
        attrs = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(
            label=label,
            required=required,
            min_value=least,
            max_value=most,
            widget=forms.TextInput(attrs=attrs if wide else {**attrs, "aria-label": label}),
        )
        sentence = f"请输入 {least:,} 到 {most:,} 的整数"
        self.error_messages |= {"invalid": sentence, "required": f"请填写{label}"}
        for validator in self.validators:
            validator.message = sentence

    def to_python(self, value):
        return super().to_python(value.replace(",", "").replace("，", "").strip() if isinstance(value, str) else value)


class DepartmentsPicked(SeveralPicked):
    """Departments, each shown with the way down to it; one statement whatever their number."""

    def __init__(self, **kwargs):
        super().__init__(Department.objects.all(), kind="department", **kwargs)
        self._ways: dict[int, str] = {}

    def label_from_instance(self, department):
        self._ways = self._ways or tree.ways()
        return self._ways.get(department.pk, department.name)


def people_field(label: str, current: list[int], **kwargs) -> SeveralPicked:
    """Active employees, and disabled ones who already stand there."""
    people = Employee.objects.filter(Q(is_active=True) | Q(pk__in=current))
    field = SeveralPicked(people, kind="employee", query={"for": "admin.pools"}, label=label, required=False, **kwargs)
    field.widget.attrs["placeholder"] = "输入姓名、手机号或拼音首字母"
    return field


class PoolForm(forms.Form):
    """One pool: what is reclaimed, what is spared, reminders and limits, hidden fields, members. `saved` = the stored pool."""

    def __init__(self, data=None, *, pool: Pool):
        self.pool, self.kind = pool, kinds.get(pool.kind)
        self.saved = book.facts_of(pool)
        self.levels = wording.levels_of(self.kind, pool.rules)
        self.hidable = wording.hidable(self.kind)
        super().__init__(data, auto_id="id_%s")
        self.fields["name"] = Cleaned(
            label="名称",
            model_field=Pool._meta.get_field("name"),
            initial=pool.name,
            error_messages={"required": "请填写名称"},
        )
        for rule in self.kind.rules:
            self._add_rule(rule, {**book.OFF, **(pool.rules.get(rule.key) or {})})
        self.fields["exempt"] = forms.MultipleChoiceField(
            label="不回收",
            required=False,
            choices=[(one.key, one.label) for one in self.kind.exemptions],
            initial=pool.exempt,
            error_messages=CHOOSE,
        )
        for place in range(REMINDERS):
            field = Whole(f"第 {place + 1} 次提醒提前的天数", least=1, most=365)
            field.initial = sorted(pool.reminders, reverse=True)[place] if place < len(pool.reminders) else None
            self.fields[f"reminder-{place}"] = field
        for name, label, most in (
            ("claim_limit", "每人每天最多领取的个数", 100_000),
            ("view_limit", "每人每天最多打开的个数", 100_000),
            ("former_days", "原负责人不能领回的天数", MOST_DAYS),
            ("freeze_days", "新入池不能领取的天数", MOST_DAYS),
        ):
            self.fields[name] = Whole(label, least=0, most=most)
            self.fields[name].initial = getattr(pool, name)
        self.fields["hidden"] = forms.MultipleChoiceField(
            label=f"在{self.kind.label}里隐藏的字段",
            required=False,
            choices=self.hidable,
            initial=pool.hidden,
            widget=forms.SelectMultiple(attrs={"data-search": "", "placeholder": "添加字段"}),
            error_messages=CHOOSE,
        )
        self._add_people()

    def _add_rule(self, rule: kinds.Rule, stored: dict) -> None:
        by_level = bool(stored["levels"])
        self.fields[f"{rule.key}-on"] = forms.BooleanField(
            label=f"启用：{rule.label}",
            required=False,
            initial=stored["on"],
            widget=forms.CheckboxInput(attrs={"class": "k-switch", "aria-label": f"启用：{rule.label}"}),
        )
        label = self.kind.of.label
        ways = [("all", f"全部{label}")] + ([("level", f"按{label}级别")] if self.levels else [])
        self.fields[f"{rule.key}-by"] = forms.ChoiceField(
            label=f"{rule.label}的范围",
            choices=ways,
            initial="level" if by_level else "all",
            widget=forms.Select(attrs={"aria-label": f"{rule.label}的范围", "data-by": ""}),
            error_messages=CHOOSE,
        )
        days = Whole(f"{rule.label}的天数", least=1, most=MOST_DAYS)
        days.initial = None if by_level else stored["days"]
        self.fields[f"{rule.key}-days"] = days
        for pk, name in self.levels:
            field = Whole(f"{rule.label}：{name}的天数", least=1, most=MOST_DAYS)
            field.initial = stored["levels"].get(str(pk), stored["days"])  # unnamed levels follow the rest
            self.fields[f"{rule.key}-level-{pk}"] = field
        rest = Whole(f"{rule.label}：其他的天数", least=1, most=MOST_DAYS)
        rest.initial = stored["days"] if by_level else None
        self.fields[f"{rule.key}-rest"] = rest

    def _add_people(self) -> None:
        pool = self.pool
        self.fields["everyone"] = forms.ChoiceField(
            label="谁能看到和领取",
            choices=[("all", "所有员工"), ("some", "指定部门和员工")],
            initial="all" if pool.everyone else "some",
            widget=forms.RadioSelect,
            error_messages=CHOOSE,
        )
        self.fields["departments"] = DepartmentsPicked(label="部门（含下级）", required=False)
        self.fields["departments"].widget.attrs["placeholder"] = "选择或输入部门名称"
        self.fields["departments"].initial = sorted(self.saved.departments)
        for name, label, stored in (
            ("members", "员工", self.saved.members),
            ("admins", f"{self.kind.label}管理员", self.saved.admins),
        ):
            self.fields[name] = people_field(label, sorted(stored), initial=sorted(stored))
            self.fields[name].widget.attrs["aria-label"] = label
        self.fields["admins"].help_text = f"可以编辑、移动、删除和导入{self.kind.label}里的记录，不受每日上限限制"

    # What the template walks over -----------------------------------------------------------------------------------------
    def rule_rows(self) -> list[dict]:
        """Each rule with its fields."""
        rows = []
        for rule in self.kind.rules:
            names = [f"{rule.key}-days", *(f"{rule.key}-level-{pk}" for pk, _ in self.levels), f"{rule.key}-rest"]
            rows.append(
                {
                    "rule": rule,
                    "event": rule.sentence.removeprefix("没有"),
                    "on": self[f"{rule.key}-on"],
                    "by": self[f"{rule.key}-by"],
                    "days": self[f"{rule.key}-days"],
                    "levels": [{"label": label, "field": self[f"{rule.key}-level-{pk}"]} for pk, label in self.levels],
                    "rest": self[f"{rule.key}-rest"],
                    "is_on": bool(self[f"{rule.key}-on"].value()),
                    "by_level": self[f"{rule.key}-by"].value() == "level" and bool(self.levels),
                    "errors": list(dict.fromkeys(text for name in names for text in self[name].errors)),
                    "error_id": f"id_{rule.key}-days_error",
                }
            )
        return rows

    def exempt_rows(self) -> list[dict]:
        chosen = self["exempt"].value() or []
        return [{"key": one.key, "label": one.label, "on": one.key in chosen} for one in self.kind.exemptions]

    def reminders(self) -> list:
        return [self[f"reminder-{place}"] for place in range(REMINDERS)]

    # What was sent ------------------------------------------------------------------------------------------------------
    def clean(self):
        data = super().clean()
        for rule in self.kind.rules:
            stored = self.rule_of(rule, data)
            sent = [stored["days"], *stored["levels"].values()]
            wrong = any(name.startswith(f"{rule.key}-") for name in self.errors)
            if stored["on"] and not wrong and all(days is None for days in sent):
                name = f"{rule.key}-rest" if stored["levels"] else f"{rule.key}-days"
                self.add_error(name, f"“{rule.label}”已打开，请填写天数，或关闭这条规则")
        return data

    def rule_of(self, rule: kinds.Rule, data: dict) -> dict:
        """A rule as it is stored."""
        by_level = data.get(f"{rule.key}-by") == "level"
        levels = {str(pk): data.get(f"{rule.key}-level-{pk}") for pk, _ in self.levels} if by_level else {}
        days = data.get(f"{rule.key}-rest" if by_level else f"{rule.key}-days")
        return {"on": bool(data.get(f"{rule.key}-on")), "days": days, "levels": levels}

    def values(self) -> dict:
        """What setting_services.update_pool takes. Hidden fields the company retired stay hidden."""
        data = self.cleaned_data
        offered = {key for key, _ in self.hidable}
        return {
            "name": data["name"],
            "rules": {rule.key: self.rule_of(rule, data) for rule in self.kind.rules},
            "exempt": [one.key for one in self.kind.exemptions if one.key in data["exempt"]],
            "reminders": sorted({n for i in range(REMINDERS) if (n := data[f"reminder-{i}"])}, reverse=True),
            "claim_limit": data["claim_limit"],
            "view_limit": data["view_limit"],
            "former_days": data["former_days"] or 0,
            "freeze_days": data["freeze_days"] or 0,
            "hidden": data["hidden"] + [key for key in self.pool.hidden if key not in offered],
            "everyone": data["everyone"] == "all",
            "departments": [one.pk for one in data["departments"]],
            "members": [one.pk for one in data["members"]],
            "admins": [one.pk for one in data["admins"]],
        }

    def facts(self) -> book.Facts:
        """The pool as it would be with what was sent."""
        values = self.values()
        drawn = ("rules", "everyone", "departments", "members", "admins", "exempt", "reminders")
        facts = book.facts_of(self.pool, **{name: values[name] for name in drawn})
        kept = ("name", "claim_limit", "view_limit", "former_days", "freeze_days")
        return replace(facts, **{name: values[name] for name in kept}, hidden=tuple(values["hidden"]))

    def switched_on(self) -> book.Facts:
        """The same with only the rules that are off, as if they were on."""
        rules = {
            key: {**rule, "on": not rule["on"] and any(v for v in (rule["days"], *rule["levels"].values()))}
            for key, rule in self.values()["rules"].items()
        }
        return replace(self.facts(), rules=book.facts_of(self.pool, rules=rules).rules)


class NewPoolForm(forms.Form):
    """The name of a new pool."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"] = Cleaned(
            label="名称", model_field=Pool._meta.get_field("name"), error_messages={"required": "请填写名称"}
        )
        self.fields["name"].help_text = "最多 30 个字，如“教育行业池”；新建后再设置成员和规则，在那之前不回收任何记录"


class MoveAllForm(forms.Form):
    """Where everything of a pool goes."""

    def __init__(self, *args, pool: Pool, **kwargs):
        super().__init__(*args, **kwargs)
        others = Pool.objects.filter(kind=pool.kind, enabled=True, removed_at=None).exclude(pk=pool.pk)
        self.fields["to"] = forms.ModelChoiceField(
            others,
            label="移动到",
            empty_label="请选择",
            error_messages={"required": f"请选择{kinds.get(pool.kind).label}", "invalid_choice": "请选择列表中的选项"},
        )


class CapForm(forms.Form):
    """How many somebody may own or lock."""

    def __init__(self, *args, cap: OwnerCap, **kwargs):
        kind = kinds.get(cap.kind)
        whom = "role" if cap.role_id else "department" if cap.department_id else "all"
        initial = {
            "what": cap.what,
            "whom": whom,
            "role": cap.role_id,
            "department": cap.department_id,
            "limit": cap.limit,
            "uncounted": cap.uncounted,
        }
        super().__init__(*args, initial=initial, **kwargs)
        label = kind.of.label
        what = [(OwnerCap.What.OWN, f"拥有的{label}"), (OwnerCap.What.LOCK, f"锁定的{label}")]
        self.fields |= {
            "what": forms.ChoiceField(
                label="限制",
                choices=what,
                widget=forms.RadioSelect,
                error_messages={**CHOOSE, "required": "请选择限制"},
            ),
            "limit": Whole("上限", least=0, most=1_000_000, required=True, wide=True),
            "whom": forms.ChoiceField(
                label="对象",
                choices=[("all", "所有人"), ("role", "角色"), ("department", "部门（含下级）")],
                widget=forms.RadioSelect,
                error_messages={**CHOOSE, "required": "请选择对象"},
            ),
            "role": forms.ModelChoiceField(
                Role.objects.all(),
                label="角色",
                required=False,
                empty_label="请选择",
                help_text="对象是“角色”时选择",
                error_messages=CHOOSE,
            ),
            "department": Picked(
                Department.objects.all(),
                kind="department",
                label="部门",
                required=False,
                help_text="对象是“部门”时选择",
            ),
            "uncounted": forms.MultipleChoiceField(
                label="不计入",
                required=False,
                choices=[(one.key, one.label) for one in kind.exemptions],
                widget=forms.CheckboxSelectMultiple,
                help_text=f"勾选的{label}不占名额",
                error_messages=CHOOSE,
            ),
        }
        self.fields["department"].widget.attrs["placeholder"] = "选择或输入部门名称"
        self.order_fields(("what", "limit", "whom", "role", "department", "uncounted"))
        for name in ("what", "whom", "limit"):
            self.fields[name].widget.is_required = True

    def clean(self):
        data = super().clean()
        whom = data.get("whom")
        for name, label in (("role", "角色"), ("department", "部门")):
            if whom == name and not data.get(name) and name not in self.errors:
                self.add_error(name, ValidationError(f"请选择{label}"))
            if whom != name:
                data[name] = None
                self.errors.pop(name, None)
        return data
