"""The form by which public forms are made."""

import re
from urllib.parse import urlsplit

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from crm.records.fields import tidy
from crm.records.formfields import SeveralPicked
from crm.records.forms import HouseForm
from customers.pools import book

from ..models import WebForm
from .offered import WHO, offers

HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?")
MOST_SITES = 20
LABEL, HINT = 30, 60  # characters


class AsksWidget(forms.Widget):
    """Every field there is in the order it is to stand in: ticked ones are asked, in these words."""

    template_name = "webforms/asks.html"
    use_fieldset = True

    def __init__(self):
        super().__init__({"data-wide": ""})
        self.offers: dict = {}

    def value_from_datadict(self, data, files, name):
        many = data.getlist if hasattr(data, "getlist") else lambda key: data.get(key, [])
        on, required = set(many(f"{name}-on")), set(many(f"{name}-required"))
        return [
            {
                "key": key,
                "on": key in on,
                "required": key in required,
                "label": data.get(f"{name}-label-{key}", ""),
                "hint": data.get(f"{name}-hint-{key}", ""),
            }
            for key in dict.fromkeys(many(name))
        ]

    def value_omitted_from_data(self, data, files, name):
        return False

    def get_context(self, name, value, attrs):
        context = super().get_context(name, None, attrs)
        rows = [ask for ask in value or [] if ask["key"] in self.offers]
        there = {ask["key"] for ask in rows}
        rows += [{"key": key, "on": False} for key in self.offers if key not in there]
        context["widget"]["rows"] = [{**ask, "offer": self.offers[ask["key"]]} for ask in rows]
        context["widget"]["label_most"], context["widget"]["hint_most"] = LABEL, HINT
        return context


class AsksField(forms.Field):
    """Cleans to what WebForm.asks keeps; keys that are not offered are ignored."""

    widget = AsksWidget

    def clean(self, value):
        known = self.widget.offers
        found = []
        for ask in value:
            if not ask["on"] or ask["key"] not in known:
                continue
            label, hint = tidy(ask["label"]), tidy(ask["hint"])
            if len(label) > LABEL or len(hint) > HINT:
                raise ValidationError(f"“{known[ask['key']].label}”的名称最多 {LABEL} 个字，提示最多 {HINT} 个字")
            found.append({"key": ask["key"], "label": label, "required": ask["required"], "hint": hint})
        if not {ask["key"] for ask in found} & set(WHO):
            raise ValidationError("请至少选择联系人、公司、手机、电话、邮箱中的一项，否则不知道是谁")
        return found

    def has_changed(self, initial, data):
        return True


class WebFormForm(HouseForm):
    """A public form with its fields."""

    sections = (
        ("页面", "", ("name", "title", "intro", "submit", "thanks")),
        ("字段", "勾选要填写的字段，拖动排序；显示的名称留空就用字段的名称", ("asks",)),
        ("线索", "", ("source", "campaign", "goes", "pool", "watchers")),
        ("开放", "", ("expires_on", "domains")),
    )

    class Meta:
        model = WebForm
        fields = ["name", "title", "intro", "submit", "thanks", "source", "campaign", "expires_on"]

    def prepare(self):
        form = self.instance
        texts = {
            "name": "自己看的名称，例如“官网 · 预约演示”",
            "title": "访问者看到的标题",
            "intro": "标题下面的一段话，可不填",
            "submit": "不填就是“提交”",
            "thanks": "不填就是“已收到，我们会尽快与您联系”",
            "expires_on": "最后一天，过了就不能再提交；不填就一直开放",
        }
        for name, text in texts.items():
            self.fields[name].help_text = text
        widget = AsksWidget()
        kept = {ask["key"] for ask in form.asks}
        widget.offers = {**offers(self.user), **{key: one for key, one in offers().items() if key in kept}}
        first = [{"key": "contact_name", "required": True}, {"key": "mobile", "required": True}, {"key": "company"}]
        asks = form.asks if form.pk else [*first, {"key": "description"}]
        self.fields["asks"] = AsksField(label="字段", widget=widget, initial=[{**ask, "on": True} for ask in asks])
        self.fields["goes"] = forms.ChoiceField(
            label="线索给谁",
            choices=[("rules", "按分配规则"), ("pool", "放入线索池，等人领取")],
            initial="pool" if form.pool_id else "rules",
            widget=forms.RadioSelect,
            error_messages={"required": "请选择线索给谁", "invalid_choice": "请选择列表中的选项"},
        )
        pools = [(pool.pk, pool.name) for pool in book.of("lead")]
        self.fields["pool"] = forms.ChoiceField(
            label="哪个线索池",
            required=False,
            choices=[("", "请选择"), *pools],
            initial=form.pool_id,
            widget=forms.Select(attrs={"data-only": "goes=pool"}),
            error_messages={"invalid_choice": "请选择列表中的选项"},
        )
        watching = list(form.watchers.values_list("pk", flat=True)) if form.pk else []
        people = get_user_model().objects.filter(Q(is_active=True) | Q(pk__in=watching))
        self.fields["watchers"] = SeveralPicked(
            people, kind="colleague", label="每次提交通知", required=False, initial=watching
        )
        self.fields["watchers"].help_text = "分到线索的人总会收到消息，这里是另外要知道的人"
        self.fields["domains"] = forms.CharField(
            label="可以嵌入的网站",
            required=False,
            initial="\n".join(form.domains),
            help_text="一行一个，例如 https://www.example.com；不填就不能嵌入别的网页",
            widget=forms.Textarea(attrs={"rows": 3}),
        )
        self.fields["version"] = forms.IntegerField(
            widget=forms.HiddenInput, required=False, initial=form.version, min_value=0, max_value=2**31 - 1
        )

    def clean_expires_on(self):
        day = self.cleaned_data["expires_on"]
        if day is not None and day != self.instance.expires_on and day < timezone.localdate():
            raise ValidationError("截止日期不能早于今天")
        return day

    def clean_domains(self):
        found = list(dict.fromkeys(origin_of(line) for line in self.cleaned_data["domains"].split()))
        if len(found) > MOST_SITES:
            raise ValidationError(f"最多 {MOST_SITES} 个网站")
        return found

    def clean(self):
        data = super().clean()
        if data.get("goes") != "pool":
            data["pool"] = ""
            self.errors.pop("pool", None)
        elif not data.get("pool") and "pool" not in self.errors:
            self.add_error("pool", "请选择线索池")
        return data

    def _post_clean(self):
        """The service checks the model, on the locked row."""

    def values(self) -> dict:
        """What services.save_form takes as plain fields."""
        data = self.cleaned_data
        return {
            **{name: data[name] for name in (*self.Meta.fields, "asks", "domains")},
            "pool_id": int(data["pool"]) if data["pool"] else None,
        }


def origin_of(text: str) -> str:
    """https://www.example.com of an address as people paste it; it goes into a header, so only hosts and ports pass."""
    wrong = ValidationError(f"“{text[:50]}”不是网站地址，请写成 https://www.example.com")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        raise wrong from None
    host = parts.netloc.lower()
    if parts.scheme not in ("http", "https") or len(host) > 253 or not HOST.fullmatch(host):
        raise wrong
    return f"{parts.scheme}://{host}"
