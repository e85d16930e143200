"""Which fields of a lead may stand on a public form, and their inputs there. Nothing that looks into the company: no people, no
departments, no files, and no unique field, whose refusal would tell a stranger which values are taken."""

from dataclasses import dataclass

from django import forms

from crm.records import areas, fieldset, modules
from crm.records.custom import definitions
from crm.records.custom import forms as custom_forms
from crm.records.custom.definitions import Definition, Type
from crm.records.models import DictionaryItem

from ..models import Lead

AREA = "area"  # province and city in one choice
PLAIN = (
    "contact_name",
    "mobile",
    "company",
    "position",
    "phone",
    "email",
    AREA,
    "address",
    "industry",
    "summary",
    "description",
)
WHO = ("contact_name", "company", "mobile", "phone", "email")  # a form asks at least one of them
SIMPLE = frozenset(
    {
        Type.LINE,
        Type.TEXT,
        Type.NUMBER,
        Type.MONEY,
        Type.PERCENT,
        Type.DATE,
        Type.CHOICE,
        Type.CHOICES,
        Type.CHECK,
        Type.MOBILE,
        Type.EMAIL,
        Type.URL,
        Type.AREA,
    }
)
LABELS = {AREA: "地区", "description": "留言"}
ATTRS = {
    "contact_name": {"autocomplete": "name"},
    "company": {"autocomplete": "organization"},
    "position": {"autocomplete": "organization-title"},
    "mobile": {"autocomplete": "tel", "inputmode": "tel"},
    "phone": {"autocomplete": "tel", "inputmode": "tel"},
    "email": {"autocomplete": "email", "inputmode": "email"},
    "address": {"autocomplete": "street-address"},
}
PICK = "请选择列表中的选项"


@dataclass(frozen=True)
class Offer:
    """One field: its key, what the company calls it, its definition where it is a custom one."""

    key: str
    label: str
    custom: Definition | None = None

    def field(self, *, label: str, required: bool, hint: str) -> forms.Field:
        """The input of the public page; it cleans to the stored value."""
        made = custom_forms.field_of(self.custom, required=required) if self.custom else self._plain()
        if self.custom and self.custom.type == Type.DATE:
            made.widget = forms.DateInput(attrs={"type": "date"})
        made.label, made.required, made.help_text = label or self.label, required, hint
        made.widget.is_required = required
        verb = "选择" if isinstance(made, forms.ChoiceField) else "填写"
        made.error_messages["required"] = f"请{verb}{made.label}"
        if self.custom and isinstance(made, custom_forms.Cleaned):
            made.model_field = Loose(self.custom)
        made.widget.attrs.update(ATTRS.get(self.key, {}))
        return made

    def _plain(self) -> forms.Field:
        if self.key == AREA:
            return area_field()
        if self.key == "industry":
            items = DictionaryItem.objects.filter(dictionary="customer.industry", active=True)
            pairs = [("", "请选择"), *items.values_list("pk", "label")]
            return forms.TypedChoiceField(
                choices=pairs, coerce=int, empty_value=None, error_messages={"invalid_choice": PICK}
            )
        return Lead._meta.get_field(self.key).formfield()


class Loose(custom_forms.Checked):
    """The check of a custom field without the company's own demand: the form says what must be filled."""

    def clean_value(self, value):
        return self.type.clean(value, self.definition)


def area_field() -> forms.Field:
    """Provinces with their cities as one native choice, which needs no script."""
    groups = [
        (province, [(province, province), *((f"{province}/{city}", city) for city in cities if city != province)])
        for province, cities in areas.provinces().items()
    ]
    return forms.ChoiceField(choices=[("", "请选择"), *groups], error_messages={"invalid_choice": PICK})


def offers(user=None) -> dict[str, Offer]:
    """{key: offer} of what may be asked now, in order: what the company hid, retired or made unique since is absent. With
    `user` also without what that person may not see."""
    stamp = definitions.stamp_of(user) if user is not None else None
    known = definitions.of("lead", stamp)
    changed = {one.key: one for one in known if one.builtin}
    found = {}
    for key in PLAIN:
        names = ("province", "city") if key == AREA else (key,)
        if any(name in changed and not changed[name].in_form for name in names):
            continue
        own = changed[key].label if key in changed and changed[key].label else ""
        label = own or LABELS.get(key) or str(Lead._meta.get_field(key).verbose_name)
        found[key] = Offer(key, label)
    for one in known:
        if not one.builtin and not one.retired and not one.unique and one.in_form and one.type in SIMPLE:
            found[one.key] = Offer(one.key, one.label, one)
    if user is None:
        return found
    fields = fieldset.of(modules.get("lead"), user)
    return {
        key: offer
        for key, offer in found.items()
        if all(fields.level(name) > fieldset.HIDDEN for name in (("province", "city") if key == AREA else (key,)))
    }
