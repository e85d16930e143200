"""Forms of cares, contact plans and rules."""

from datetime import date

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records import fieldset, modules
from crm.records.formfields import DictionaryChoice
from crm.records.forms import HouseForm
from crm.records.models import DictionaryItem
from crm.records.models.followups import METHODS

from ..models import CareKind, CareRule, CareTask, ContactPlan

BAD_DAY = "日期格式应为 2026-01-31"
SOURCE_FOR = {"电话": "电话", "拜访": "上门拜访", "微信": "微信"}  # how a contact plan's type is called as 跟进方式


def _items(code: str) -> list:
    return list(DictionaryItem.objects.filter(dictionary=code))


def _result(label: str, *, required: bool):
    return CareTask._meta.get_field("result").formfield(
        label=label, required=required, error_messages={"required": f"请填写{label}"}
    )


class DoneForm(forms.Form):
    """完成: the result, how satisfied the customer is (where the person may change that), and whether it is a follow-up."""

    def __init__(self, *args, task: CareTask, user, editable: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["result"] = _result("关怀结果", required=False)
        if editable and fieldset.of(modules.get("customer"), user).editable("satisfaction"):
            self.fields["satisfaction"] = forms.TypedChoiceField(
                label="客户满意度",
                choices=[(n, f"{n} 分") for n in range(1, 6)],
                coerce=int,
                empty_value=None,
                required=False,
                widget=forms.RadioSelect,
                help_text="选了就同时更新客户的满意度",
                error_messages={"invalid_choice": "请选择 1 到 5 分"},
            )
        self.fields["write"] = forms.BooleanField(label="写为跟进", required=False)
        # Not "method": a field of that name would hide form.method from the scripts.
        self.fields["channel"] = DictionaryChoice(code=METHODS, label="跟进方式", required=False)
        items = _items(METHODS)
        self.fields["channel"].offer(items, None)
        self.fields["channel"].widget.attrs["data-only"] = "write=on"
        plan = task.plan.type.label if task.plan and task.plan.type else ""
        offered = [item for item in items if item.active]
        chosen = next((item for item in offered if item.label == SOURCE_FOR.get(plan, "电话")), None)
        self.initial["channel"] = (chosen or offered[0]).pk if offered else None

    def clean(self):
        data = super().clean()
        if data.get("write"):
            if not data.get("result") and "result" not in self.errors:
                self.add_error("result", "写为跟进时请填写关怀结果")
            if not data.get("channel") and "channel" not in self.errors:
                self.add_error("channel", "请选择跟进方式")
        return data

    def values(self) -> dict:
        """What services.done takes."""
        data = self.cleaned_data
        return {
            "result": data["result"],
            "satisfaction": data.get("satisfaction"),
            "method": data["channel"] if data["write"] else None,
        }


class SkipForm(forms.Form):
    """跳过: why."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"] = _result("跳过原因", required=True)


class PlanForm(HouseForm):
    """联系计划 of a customer."""

    class Meta:
        model = ContactPlan
        fields = ["type", "period", "next_on", "owner"]

    def prepare(self):
        people = get_user_model().objects.filter(is_active=True)
        self.pick("owner", people, kind="colleague")
        self.fields["owner"].help_text = "不填就是客户的负责人；要能看到这个客户"
        self.fields["period"].help_text = "每隔多少天联系一次，写了跟进就从那天重新计算"
        self.fields["period"].error_messages["invalid"] = "请填写 1 以上的天数"
        self.fields["type"].required = True

    def clean_next_on(self):
        day = self.cleaned_data["next_on"]
        if day < timezone.localdate():
            raise ValidationError("下次联系日期不能早于今天")
        return day


class RuleForm(HouseForm):
    """A care rule; which fields a kind needs is checked here, the rest is emptied."""

    only = {
        "audience": "kind=holiday",
        "holiday": "kind=holiday",
        "month_day": "kind=holiday;holiday=yearly",
        "dates": "kind=holiday;holiday=dates",
        "days_before": "kind=birthday|holiday|renewal",
        "plan_type": "kind=contact",
        "levels": "kind=birthday|holiday|renewal",
    }

    sections = (
        ("", "", ("name", "kind", "text")),
        ("什么时候", "", ("audience", "holiday", "month_day", "dates", "days_before", "plan_type")),
        ("哪些客户", "", ("levels",)),
    )

    class Meta:
        model = CareRule
        fields = ["name", "kind", "audience", "days_before", "holiday", "month_day", "plan_type", "text"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, when in {**self.only, **dict.fromkeys(self.day_fields, "kind=contact")}.items():
            self.fields[name].widget.attrs["data-only"] = when

    def prepare(self):
        kinds = "生日按联系人的生日，续约按客户的合同到期日，定期联系给没有自己计划的客户建联系计划"
        self.fields["kind"].help_text = kinds
        self.fields["text"].help_text = "负责人看到的一句话，例如：送上生日祝福"
        self.fields["days_before"].help_text = "到期日比当天早几天，0 就是当天"
        self.fields["days_before"].error_messages["invalid"] = "请填写 0 以上的天数"
        self.fields["holiday"].choices = [("", "请选择"), *CareRule.Holiday.choices]
        self.fields["month_day"].help_text = "月-日，例如 03-08"
        self.fields["dates"] = forms.CharField(
            label="各年的日期",
            required=False,
            help_text="一行一个，例如 2027-02-06",
            widget=forms.Textarea(attrs={"rows": 3}),
            initial="\n".join(self.instance.dates),
        )
        self.levels = _items("customer.level")
        kept = {one.level_id: one for one in self.instance.levels.all()} if self.instance.pk else {}
        self.fields["levels"] = forms.MultipleChoiceField(
            label="适用级别",
            required=False,
            help_text="不选就是所有级别",
            choices=[(item.pk, item.label) for item in self.levels if item.active or item.pk in kept],
            widget=forms.CheckboxSelectMultiple,
            initial=list(kept),
            error_messages={"invalid_choice": "请选择列表中的选项"},
        )
        self.day_fields = []
        for item in self.levels:
            if not (item.active or item.pk in kept):
                continue
            name = f"days_{item.pk}"
            self.fields[name] = forms.IntegerField(
                label=f"{item.label}：间隔天数",
                required=False,
                min_value=1,
                max_value=366,
                initial=kept[item.pk].days if item.pk in kept else None,
                error_messages={
                    "invalid": "请填写 1 到 366 的天数",
                    "min_value": "请填写 1 到 366 的天数",
                    "max_value": "请填写 1 到 366 的天数",
                },
            )
            self.day_fields.append(name)

    def laid_out_sections(self):
        """Sections for form_page: the days of the levels stand with them."""
        *rest, (title, note, names) = self.sections
        return [*rest, (title, note, (*names, *self.day_fields))]

    def clean_month_day(self):
        text = self.cleaned_data["month_day"].strip()
        if text:
            try:
                month, day = (int(part) for part in text.replace("/", "-").split("-"))
                date(2024, month, day)
            except ValueError:
                raise ValidationError("请填写月-日，例如 03-08") from None
            return f"{month:02}-{day:02}"
        return ""

    def clean_dates(self):
        found = []
        for line in self.cleaned_data["dates"].split():
            try:
                found.append(date.fromisoformat(line).isoformat())
            except ValueError:
                raise ValidationError(f"“{line[:20]}”不是日期，{BAD_DAY}") from None
        if len(found) > 100:
            raise ValidationError("最多 100 个日期")
        return sorted(set(found))

    def clean(self):
        data = super().clean()
        kind, holiday = data.get("kind"), data.get("holiday")
        if kind == CareKind.HOLIDAY:
            if not holiday:
                self.add_error("holiday", "请选择节日")
            if holiday == CareRule.Holiday.YEARLY and not data.get("month_day") and "month_day" not in self.errors:
                self.add_error("month_day", "请填写月-日，例如 03-08")
            if holiday == CareRule.Holiday.DATES and not data.get("dates") and "dates" not in self.errors:
                self.add_error("dates", "请填写至少一个日期")
        else:
            data["holiday"] = ""
        if kind == CareKind.BIRTHDAY:
            data["audience"] = CareRule.Audience.CONTACTS
        elif kind != CareKind.HOLIDAY:
            data["audience"] = CareRule.Audience.CUSTOMERS
        if holiday != CareRule.Holiday.YEARLY or kind != CareKind.HOLIDAY:
            data["month_day"] = ""
        if holiday != CareRule.Holiday.DATES or kind != CareKind.HOLIDAY:
            data["dates"] = []
        if kind == CareKind.CONTACT:
            data["days_before"] = 0
            if not self.errors and not any(data.get(name) for name in self.day_fields):
                raise ValidationError("请至少给一个客户级别填写间隔天数")
            if not data.get("plan_type"):
                self.add_error("plan_type", "请选择联系方式")
        else:
            data["plan_type"] = None
        return data

    def levels_wanted(self) -> dict:
        """{level: days or None}."""
        data, items = self.cleaned_data, {item.pk: item for item in self.levels}
        if data["kind"] == CareKind.CONTACT:
            pairs = ((items[int(name.removeprefix("days_"))], data.get(name)) for name in self.day_fields)
            return {item: days for item, days in pairs if days}
        return {items[int(pk)]: None for pk in data["levels"]}

    def rule(self) -> CareRule:
        """The instance with what was typed."""
        for name in (*self.Meta.fields, "dates"):
            setattr(self.instance, name, self.cleaned_data[name])
        return self.instance
