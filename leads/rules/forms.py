"""Forms of 线索分配: a rule, and a lead that is only thought of."""

from datetime import date, timedelta

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q

from crm.records.custom.forms import area_choices
from crm.records.formfields import SeveralPicked
from crm.records.forms import HouseForm
from crm.records.models import DictionaryItem
from customers.pools import book
from customers.pools.setting_forms import DepartmentsPicked, Whole

from ..models import AssignmentRule, Lead, WebForm
from . import services, wording

CHOOSE = {"invalid_choice": "请选择列表中的选项"}
DICTIONARIES = {"source": "customer.source", "industry": "customer.industry", "campaign": "lead.campaign"}
MOST_DATES = 400
BAD_DATE = "不是日期，请写成 2027-02-06 或 2027-02-06 至 2027-02-12"
WEEK = [(day, f"周{wording.DAYS[day]}") for day in range(7)]


class Clock(forms.TimeField):
    """A time of day as people type it: 9:00, 09:00, with a Chinese colon too."""

    widget = forms.TimeInput(
        attrs={"placeholder": "09:00", "inputmode": "numeric", "autocomplete": "off"}, format="%H:%M"
    )
    default_error_messages = {"invalid": "时间格式应为 09:00"}
    input_formats = ["%H:%M"]

    def to_python(self, value):
        return super().to_python(value.replace("：", ":").strip() if isinstance(value, str) else value)


def options(current: dict | None = None) -> dict[str, list[tuple]]:
    """{condition: choices}; retired and deleted values only where `current` conditions name them. Two statements."""
    current = current or {}
    found: dict[str, list[tuple]] = {key: [] for key in DICTIONARIES}
    keys = {code: key for key, code in DICTIONARIES.items()}
    for item in DictionaryItem.objects.filter(dictionary__in=keys):
        key = keys[item.dictionary]
        if item.active or item.pk in current.get(key, ()):
            found[key].append((item.pk, item.label))
    found["forms"] = list(WebForm.objects.values_list("pk", "name"))
    for key, pairs in found.items():  # what was deleted stays named: without it the rule would be about all leads
        there = {pk for pk, _ in pairs}
        pairs += [(pk, wording.GONE) for pk in current.get(key, ()) if pk not in there]
    found["areas"] = area_choices()
    return found


class RuleForm(HouseForm):
    """A rule; fields the chosen way does not need are emptied."""

    sections = (
        ("", "", ("name",)),
        ("哪些线索", "不选就是所有线索；选了几项要同时符合", ("source", "industry", "campaign", "areas", "forms")),
        ("分给谁", "只算在职、能查看线索的员工", ("way", "person", "people", "departments")),
        ("什么时候", "工作时间以外的线索在线索池里等待", ("days", "opens", "closes", "holidays", "workdays")),
        ("上限", "留空就是不限", ("daily_cap", "open_cap")),
        ("没有人可以接收时", "", ("otherwise", "fallback_person", "fallback_pool")),
    )

    class Meta:
        model = AssignmentRule
        fields = ["name", "way", "person", "opens", "closes", "fallback_person"]

    def prepare(self):
        rule = self.instance
        chosen = options(rule.conditions)
        for key, label in wording.CONDITIONS:
            self.fields[key] = forms.TypedMultipleChoiceField(
                label=label,
                required=False,
                choices=chosen[key],
                coerce=str if key == "areas" else int,
                initial=rule.conditions.get(key, []),
                widget=forms.SelectMultiple(attrs={"data-search": "", "placeholder": "不限"}),
                error_messages=CHOOSE,
            )
        self.fields["areas"].help_text = "选省份就包括它的所有城市"
        self._add_people()
        for name in ("opens", "closes"):
            self.fields[name] = Clock(label=self.fields[name].label, required=False)
        self.fields["closes"].help_text = "两个都不填就是全天"
        self.fields["days"] = forms.TypedMultipleChoiceField(
            label="工作日",
            required=False,
            choices=WEEK,
            coerce=int,
            initial=rule.days if rule.pk else [0, 1, 2, 3, 4],
            widget=forms.CheckboxSelectMultiple,
            error_messages=CHOOSE,
        )
        for name, label, text in (
            ("holidays", "放假的日期", "一行一个日期或一段，例如 2027-02-06 至 2027-02-12"),
            ("workdays", "补班的日期", "周末要上班的日期，一行一个"),
        ):
            self.fields[name] = forms.CharField(
                label=label,
                required=False,
                help_text=text,
                initial="\n".join(shortened(getattr(rule, name))),
                widget=forms.Textarea(attrs={"rows": 3}),
            )
        for name, label in (("daily_cap", "每人每天最多分到"), ("open_cap", "每人最多有几个跟进中的")):
            self.fields[name] = Whole(label, least=1, most=100_000, wide=True)
            self.fields[name].initial = getattr(rule, name)
        self.fields["version"] = forms.IntegerField(
            widget=forms.HiddenInput, required=False, initial=rule.version, min_value=0, max_value=2**31 - 1
        )

    def _add_people(self) -> None:
        rule = self.instance
        employee = {"kind": "employee", "query": {"for": "admin.sales"}}
        active = get_user_model().objects.filter(is_active=True)
        for name in ("person", "fallback_person"):
            kept = getattr(rule, f"{name}_id")
            self.pick(name, get_user_model().objects.filter(pk=kept) | active if kept else active, **employee)
        people = [one.pk for one in rule.people.all()] if rule.pk else []
        departments = [one.pk for one in rule.departments.all()] if rule.pk else []
        offered = get_user_model().objects.filter(Q(is_active=True) | Q(pk__in=people))
        self.fields["people"] = SeveralPicked(offered, **employee, label="员工", required=False, initial=people)
        self.fields["people"].widget.attrs["placeholder"] = "输入姓名、手机号或拼音首字母"
        self.fields["departments"] = DepartmentsPicked(label="部门（含下级）", required=False, initial=departments)
        self.fields["departments"].widget.attrs["placeholder"] = "选择或输入部门名称"
        self.fields["way"].help_text = "轮流：依次每人一个，停用的、满额的跳过"
        pools = [(pool.pk, pool.name) for pool in book.of("lead")]
        self.fields["otherwise"] = forms.ChoiceField(
            label="这时",
            choices=[("wait", "在线索池里等待"), ("person", "转给一个人"), ("pool", "放入指定的线索池")],
            initial="person" if rule.fallback_person_id else "pool" if rule.fallback_pool_id else "wait",
            widget=forms.RadioSelect,
            error_messages={**CHOOSE, "required": "请选择"},
        )
        self.fields["fallback_pool"] = forms.ChoiceField(
            label="哪个线索池",
            required=False,
            choices=[("", "请选择"), *pools],
            initial=rule.fallback_pool_id,
            error_messages=CHOOSE,
        )
        for name, only in (
            ("person", "way=fixed"),
            ("people", "way=rotate"),
            ("departments", "way=rotate"),
            ("fallback_person", "otherwise=person"),
            ("fallback_pool", "otherwise=pool"),
        ):
            self.fields[name].widget.attrs["data-only"] = only

    def _dates(self, name: str) -> list[str]:
        found: set[str] = set()
        for line in self.cleaned_data[name].splitlines():
            if text := line.strip():
                found |= set(dates_of(text))
                if len(found) > MOST_DATES:
                    raise ValidationError(f"最多 {MOST_DATES} 天")
        return sorted(found)

    def clean_holidays(self):
        return self._dates("holidays")

    def clean_workdays(self):
        return self._dates("workdays")

    def clean(self):
        data = super().clean()
        if data.get("way") == AssignmentRule.Way.FIXED:
            data["people"], data["departments"] = [], []
            if not data.get("person") and "person" not in self.errors:
                self.add_error("person", "请选择固定负责人")
        else:
            data["person"] = None
            self.errors.pop("person", None)
            named = data.get("people") or data.get("departments")
            if not named and not {"people", "departments"} & set(self.errors):
                self.add_error("people", "请至少选择一名员工或一个部门")
        self._clean_hours(data)
        otherwise = data.get("otherwise")
        for key, label in (("person", "转给谁"), ("pool", "线索池")):
            name = f"fallback_{key}"
            if otherwise != key:
                data[name] = None
                self.errors.pop(name, None)
            elif not data.get(name) and name not in self.errors:
                self.add_error(name, f"请选择{label}")
        return data

    def _clean_hours(self, data: dict) -> None:
        opens, closes = data.get("opens"), data.get("closes")
        if not {"opens", "closes"} & set(self.errors):
            if (opens is None) != (closes is None):
                self.add_error("closes" if closes is None else "opens", "开始和结束时间要一起填写，或都不填")
            elif opens is not None and closes <= opens:
                self.add_error("closes", "结束时间要晚于开始时间")
        if not data.get("days") and not data.get("workdays") and not {"days", "workdays"} & set(self.errors):
            self.add_error("days", "请至少勾选一个工作日")
        both = set(data.get("holidays") or ()) & set(data.get("workdays") or ())
        if both:
            self.add_error("workdays", f"{min(both)} 既放假又补班，请去掉一个")

    def _post_clean(self):
        """The service checks the model: what a way does not need must be emptied first."""

    def conditions(self) -> dict:
        return {key: self.cleaned_data[key] for key, _ in wording.CONDITIONS if self.cleaned_data[key]}

    def values(self) -> dict:
        """What setting_services.save_rule takes as plain fields."""
        data = self.cleaned_data
        names = ("name", "way", "person", "days", "opens", "closes", "holidays", "workdays", "daily_cap", "open_cap")
        return {
            **{name: data[name] for name in names},
            "conditions": self.conditions(),
            "fallback_person": data["fallback_person"],
            "fallback_pool_id": int(data["fallback_pool"]) if data["fallback_pool"] else None,
        }


def dates_of(text: str) -> list[str]:
    """ISO dates of a line: one date, or a stretch with 至 or ~ between."""
    parts = [part.strip() for part in text.replace("～", "至").replace("~", "至").replace("到", "至").split("至")]
    try:
        days = [date.fromisoformat(part.replace("/", "-")) for part in parts]
    except ValueError:
        raise ValidationError(f"“{text[:30]}”{BAD_DATE}") from None
    if len(days) > 2 or days[0] > days[-1] or (days[-1] - days[0]).days > MOST_DATES:
        raise ValidationError(f"“{text[:30]}”{BAD_DATE}")
    return [(days[0] + timedelta(days=n)).isoformat() for n in range((days[-1] - days[0]).days + 1)]


def shortened(days: list[str]) -> list[str]:
    """Lines for the form: days in a row as one stretch."""
    stretches: list[list[date]] = []
    for day in sorted(date.fromisoformat(text) for text in days):
        if stretches and day - stretches[-1][-1] == timedelta(days=1):
            stretches[-1].append(day)
        else:
            stretches.append([day])
    return [f"{one[0]} 至 {one[-1]}" if len(one) > 1 else str(one[0]) for one in stretches]


class TryForm(forms.Form):
    """这条线索会分给谁: what the rules ask of a lead."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        chosen = options()
        for key, label in wording.CONDITIONS:
            self.fields[key] = forms.TypedChoiceField(
                label=label,
                required=False,
                choices=[("", "不限" if key == "forms" else "没有填写"), *chosen[key]],
                coerce=str if key == "areas" else int,
                empty_value=None,
                widget=forms.Select(attrs={"data-search": ""}),
                error_messages=CHOOSE,
            )
        self.fields["forms"].choices[0] = ("", "不是从表单来的")

    def outcome(self):
        """(services.Outcome of one such lead now)."""
        data = self.cleaned_data
        province, _, city = (data["areas"] or "").partition("/")
        lead = Lead(
            name="预览",
            source_id=data["source"],
            industry_id=data["industry"],
            campaign_id=data["campaign"],
            province=province,
            city=city,
        )
        return services.preview([lead], forms={None: data["forms"]})


class ByRulesForm(forms.Form):
    """The confirm page of 按规则分配: who would get the first of the chosen leads."""

    SHOWN = 20

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.rows = rows

    def preview(self) -> list[dict]:
        """[{"title", "to", "why"}] of the first leads."""
        free = self.rows.filter(Q(owner=None) | Q(status="new")).order_by("pk")
        outcome = services.preview(list(free[: self.SHOWN]))
        found = [(lead, person.name, f"规则“{rule.name}”") for lead, person, rule, _ in outcome.given]
        found += [(lead, pool.name, f"规则“{rule.name}”没有人可以接收") for lead, pool, rule in outcome.pooled]
        found += [(lead, "等待", f"规则“{rule.name}”{why}") for lead, rule, why in outcome.waiting]
        found += [(lead, "不变", "没有规则适用") for lead in outcome.unmatched]
        return [
            {"title": lead.name, "to": to, "why": why} for lead, to, why in sorted(found, key=lambda row: row[0].pk)
        ]
