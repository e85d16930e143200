"""The composer's form, the comment's, and the conditions of the list page."""

from datetime import timedelta

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone

from .. import modules
from ..formfields import EARLIEST, Cleaned, DictionaryChoice, Picked, SeveralPicked
from ..models import DictionaryItem, FollowUp, FollowUpComment, QuickText
from ..models.followups import METHODS, TOPICS
from .queries import followed_modules, icon_of
from .services import PHONE, VISIT, VISIT_FIELDS

SPANS = (("today", "今天"), ("yesterday", "昨天"), ("week", "本周"), ("month", "本月"), ("range", "自定义"))
MOMENT = "%Y-%m-%d %H:%M"


def companions(module, record) -> list[tuple]:
    """[(module, its rows' condition)] of the records a follow-up may concern besides its own: the followed children of the
    record, or of its parent (contacts of the customer an opportunity belongs to)."""
    found = [(child, {module.name: record.pk}) for child in module.children if child.followed]
    for name in module.parents:
        pk = getattr(record, f"{name}_id")
        found += [(m, {name: pk}) for m in modules.get(name).children if m.followed and m is not module and pk]
    return found


class FollowUpForm(forms.ModelForm):
    """What the composer sends. `record` is where it is written; every choice is narrowed for `user`."""

    mentions = forms.CharField(required=False, widget=forms.HiddenInput)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = FollowUp
        fields = ("method", "topic", "title", "content", "next_contact_at", *VISIT_FIELDS)

    def __init__(self, *args, record, user, related=(), method: str = "", **kwargs):
        self.record, self.user = record, user
        self.module = modules.of_model(type(record))
        super().__init__(*args, **kwargs)
        self.offer_values(method)
        self.related_fields = []
        for module, where in companions(self.module, record):
            if not module.may(user, "view"):
                continue
            name = f"with_{module.name}"
            rows = module.model.objects.allowed(user, "view").filter(**where)
            self.fields[name] = SeveralPicked(rows, kind=module.name, query=where, label=module.label, required=False)
            self.fields[name].widget.choices = self.fields[name].choices
            self.fields[name].widget.attrs |= {
                "aria-label": f"相关{module.label}",
                "placeholder": f"相关{module.label}",
            }
            self.initial[name] = [other.pk for other in related if type(other) is module.model]
            self.related_fields.append(name)
        self.fields["next_contact_at"].widget = forms.DateTimeInput(
            attrs={"data-date": "time", "placeholder": "下次联系时间", "aria-label": "下次联系时间"}, format=MOMENT
        )
        self.fields["next_contact_at"].error_messages["invalid"] = "时间格式应为 2026-01-31 14:00"
        self.fields["next_contact_at"].validators.append(EARLIEST)
        label = "跟进内容"
        self.fields["content"].widget = forms.Textarea(
            attrs={
                "class": "k-composer-text",
                "rows": 3,
                "aria-label": label,
                "placeholder": "写下这次沟通的要点，输入 @ 提醒同事",
                "data-mentions": "",
            }
        )
        for name in ("title", "topic", *VISIT_FIELDS):
            self.fields[name].widget.attrs |= {
                "aria-label": self.fields[name].label,
                "placeholder": self.fields[name].label,
            }
        for name in self.fields:  # two composers may stand on one page
            self.fields[name].widget.attrs.setdefault("id", f"{self.prefix_id()}-{name}")

    def prefix_id(self) -> str:
        return f"f{self.instance.pk}" if self.instance.pk else "follow"

    def offer_values(self, method: str) -> None:
        items: dict[str, list] = {METHODS: [], TOPICS: []}
        for item in DictionaryItem.objects.filter(dictionary__in=items):
            items[item.dictionary].append(item)
        for name, code in (("method", METHODS), ("topic", TOPICS)):
            self.fields[name] = DictionaryChoice(
                code=code, label=FollowUp._meta.get_field(name).verbose_name, required=name == "method"
            )
            self.fields[name].offer(items[code], getattr(self.instance, f"{name}_id"))
            self.fields[name].error_messages["required"] = f"请选择{self.fields[name].label}"
        self.fields["topic"].widget = forms.Select(
            choices=[("", "主题分类"), *[(pk, item.label) for pk, item in self.fields["topic"].items.items()]]
        )
        wanted = [item for item in items[METHODS] if item.active]
        if not self.instance.pk and wanted:
            named = {"phone": PHONE}.get(method, "")
            self.initial["method"] = next(
                (
                    item.pk
                    for test in (lambda i: i.label == named, lambda i: i.is_default)
                    for item in wanted
                    if test(item)
                ),
                wanted[0].pk,
            )

    @property
    def methods(self) -> list[dict]:
        """The segmented buttons: value, label, icon, whether chosen, whether it is the visit that asks for more."""
        value = str(self["method"].value() or "")
        return [
            {
                "value": pk,
                "label": item.label,
                "icon": icon_of(item.label),
                "on": str(pk) == value,
                "visit": item.label == VISIT,
                "phone": item.label == PHONE,
            }
            for pk, item in self.fields["method"].items.items()
        ]

    @property
    def more_open(self) -> bool:
        return bool(self["title"].value() or self["topic"].value() or self["title"].errors)

    @property
    def related_bound(self) -> list:
        return [self[name] for name in self.related_fields]

    def quick_days(self) -> list[tuple[str, str]]:
        """明天, 3 天后, 下周 (its Monday), each at nine."""
        today = timezone.localdate()
        days = (("明天", 1), ("3 天后", 3), ("下周", 7 - today.weekday()))
        return [(label, f"{today + timedelta(days=days):%Y-%m-%d} 09:00") for label, days in days]

    def clean_mentions(self) -> list[int]:
        parts = self.cleaned_data["mentions"].split(",")[:200]
        return [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 19]

    def _post_clean(self):
        """The service checks the whole row; here only the fields are."""

    def values(self) -> dict:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def related(self) -> list:
        return [other for name in self.related_fields for other in self.cleaned_data[name]]


class CommentForm(forms.Form):
    content = Cleaned(model_field=FollowUpComment._meta.get_field("content"), label="评论")
    mentions = forms.CharField(required=False)
    clean_mentions = FollowUpForm.clean_mentions


def phrases(user) -> list:
    """The person's own phrases, then the company's."""
    found = list(QuickText.objects.filter(Q(user=user) | Q(user=None)))
    return sorted(found, key=lambda phrase: (phrase.user_id is None, phrase.pk))


class ListFilter(forms.Form):
    """Conditions of the list page: the declared names are the only ones that reach the query."""

    span = forms.ChoiceField(choices=SPANS, required=False, label="时间")
    since = forms.DateField(required=False, label="开始日期", widget=forms.DateInput(attrs={"data-date": ""}))
    until = forms.DateField(required=False, label="结束日期", widget=forms.DateInput(attrs={"data-date": ""}))
    module = forms.ChoiceField(required=False, label="模块")
    q = forms.CharField(required=False, label="内容")

    def __init__(self, data, *, user):
        super().__init__(data)
        self.user, self.modules = user, followed_modules(user)
        self.fields["module"].choices = [("", "全部模块"), *[(m.name, m.label) for m in self.modules]]
        self.fields["method"] = DictionaryChoice(code=METHODS, label="方式", required=False)
        self.fields["method"].choose(list(DictionaryItem.objects.filter(dictionary=METHODS)), empty="全部方式")
        self.fields["method"].widget = forms.Select(choices=self.fields["method"].choices)
        function = f"{self.modules[0].name}.view"
        self.fields["person"] = Picked(
            people_seen(user, self.modules), kind="employee", query={"for": function}, label="跟进人", required=False
        )
        self.fields["person"].widget.choices = self.fields["person"].choices
        for name in self.fields:
            label = self.fields[name].label
            self.fields[name].widget.attrs |= {"aria-label": label, "placeholder": label}

    @property
    def problems(self) -> list[str]:
        """Parameters that are unknown or invalid, in words; they have no effect."""
        self.is_valid()
        state = {"page", "before", "after"}
        found = [
            f"未知的筛选条件“{name[:40]}”已忽略。"
            for name in self.data
            if name not in self.fields and name not in state
        ]
        found += [
            f"筛选条件“{self.fields[name].label}”的值无效，已忽略。" for name in self.errors if name in self.fields
        ]
        text = self.cleaned_data.get("q", "")
        return found + (["搜索内容至少 2 个字。"] if len(text.strip()) == 1 else [])

    def conditions(self) -> dict:
        """{name: cleaned value} of what holds; the span is 今天 unless another was chosen."""
        self.is_valid()
        found = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        span = found.setdefault("span", "range" if found.get("since") or found.get("until") else "today")
        if span != "range":
            found.pop("since", None)
            found.pop("until", None)
        text = " ".join(found.pop("q", "").replace("\x00", "").split())[:100]
        return found | ({"q": text} if len(text) >= 2 else {})


def people_seen(user, among):
    """People whose follow-ups the person may ask for: within the widest reach of the modules."""
    people = get_user_model().objects.all()
    reaches = [user.scope_for(f"{module.name}.view") for module in among]
    if any(reach.everything for reach in reaches):
        return people
    return people.filter(pk__any={pk for reach in reaches for pk in reach.owners})
