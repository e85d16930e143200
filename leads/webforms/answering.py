"""What strangers send: the form of the public page, its signs of life, and how its answers are read."""

import hashlib
import json

from django import forms
from django.core import signing
from django.utils import timezone

from ..models import WebForm
from .offered import AREA, WHO, offers

SALT = "kaihai.webform"
QUICKEST = 3  # seconds nobody types a form in
LONGEST = 86_400  # seconds a page may stand open
TRAP = "website"  # people do not see it, programs fill it in


def stamp(form: WebForm, *, aged: int = 0) -> str:
    """When the page was opened, signed; `aged` seconds earlier than now."""
    return signing.dumps([form.pk, timezone.now().timestamp() - aged], salt=SALT)


class PublicForm(forms.Form):
    """The fields of a web form as far as they may be asked now. Everything is plain text: nothing of it is ever interpreted."""

    def __init__(self, *args, form: WebForm, **kwargs):
        self.web_form = form
        super().__init__(*args, **kwargs)
        known, self.asked = offers(), []
        for ask in form.asks:
            offer = known.get(ask["key"])
            if offer is not None and offer.key not in self.fields:
                self.fields[offer.key] = offer.field(
                    label=ask.get("label", ""), required=bool(ask.get("required")), hint=ask.get("hint", "")
                )
                self.asked.append(offer)
        self.fields["opened"] = forms.CharField(required=False, widget=forms.HiddenInput, initial=stamp(form))

    @property
    def visible(self) -> list:
        return [self[offer.key] for offer in self.asked]

    @property
    def trapped(self) -> bool:
        """Whether the field people do not see was filled in."""
        return bool(self.data.get(TRAP))

    def clean(self):
        data = super().clean()
        who = [key for key in WHO if key in self.fields]
        if who and not self.errors and not any(data.get(key) for key in who):
            labels = "、".join(str(self.fields[key].label) for key in who)
            self.add_error(None, f"请填写{labels}{'中的至少一项' if len(who) > 1 else ''}")
        self._check_pace()
        return data

    def _check_pace(self) -> None:
        """Faster than anybody types, or a page of yesterday: what was typed stays, sending it once more is enough."""
        try:
            pk, opened = signing.loads(self.data.get("opened", ""), salt=SALT, max_age=LONGEST)
        except (signing.BadSignature, ValueError, TypeError):
            pk = opened = None
        if pk != self.web_form.pk:
            self._again(aged=QUICKEST)
            self.add_error(None, "页面打开得太久了，内容还在，请再提交一次")
        elif timezone.now().timestamp() - opened < QUICKEST and not self.errors:
            self.add_error(None, "提交得太快了，请核对内容后再提交一次")

    def _again(self, *, aged: int) -> None:
        self.data = self.data.copy()
        self.data["opened"] = stamp(self.web_form, aged=aged)

    def values(self) -> tuple[dict, dict]:
        """({field of the lead: value}, {key of a custom field: stored value})."""
        plain, extra = {}, {}
        for offer in self.asked:
            value = self.cleaned_data.get(offer.key)
            if offer.custom:
                if value is not None and value != "":
                    extra[offer.key] = value
            elif offer.key == AREA:
                plain["province"], _, plain["city"] = value.partition("/")
            elif offer.key == "industry":
                plain["industry_id"] = value
            else:
                plain[offer.key] = value
        return plain, extra


def digest(form: WebForm, plain: dict, extra: dict) -> str:
    """What "the same answers" means."""
    text = json.dumps([form.pk, sorted(plain.items()), sorted(extra.items())], ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
