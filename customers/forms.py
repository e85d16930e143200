"""Forms of customers and contacts."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records import areas
from crm.records.forms import RecordForm, people_in_reach, records_in_reach
from crm.records.models import DictionaryItem

from .duplicates import finding, names, rules
from .models import Contact, Customer
from .pools import kinds
from .pools.forms import PoolChoice

CONTACT_BLOCK = ("name", "salutation", "email", "position", "qq", "mobile", "remark")


def salutations() -> list[str]:
    return list(
        DictionaryItem.objects.filter(dictionary="contact.salutation", active=True).values_list("label", flat=True)
    )


def offer_places(form) -> None:
    """省 and 市 of a record's form as selects, the cities those of the chosen province."""
    provinces = areas.provinces()
    province = form.data.get("province") if form.is_bound else form.initial.get("province") or form.instance.province
    form.fields["province"] = forms.ChoiceField(
        label="省",
        required=False,
        choices=[("", "请选择"), *((name, name) for name in provinces)],
        widget=forms.Select(attrs={"data-search": ""}),
        error_messages={"invalid_choice": "请选择列表中的选项"},
    )
    form.fields["city"] = forms.ChoiceField(
        label="市",
        required=False,
        choices=[("", "请选择"), *((name, name) for name in provinces.get(province, ()))],
        widget=forms.Select(attrs={"data-depends": "province", "data-source": "/pick/city/"}),
        error_messages={"invalid_choice": "请选择该省的城市"},
    )


class CustomerForm(PoolChoice, RecordForm):
    sections = (
        (
            "基本信息",
            "",
            (
                "name",
                "owner",
                "pool",
                "type",
                "level",
                "status",
                "intent",
                "relation",
                "industry",
                "source",
                "nature",
                "annual_turnover",
                "employees",
                "rating",
                "satisfaction",
                "credit",
                "deal_status",
                "next_contact_at",
            ),
        ),
        ("联系方式", "", ("region", "province", "city", "address", "postcode", "phone", "website")),
        ("首要联系人", "保存后出现在联系人中", tuple(f"contact_{name}" for name in CONTACT_BLOCK)),
        ("其他", "", ("remark",)),
    )

    class Meta:
        model = Customer
        fields = [
            "name",
            "owner",
            "type",
            "level",
            "status",
            "intent",
            "relation",
            "industry",
            "source",
            "nature",
            "annual_turnover",
            "employees",
            "rating",
            "satisfaction",
            "credit",
            "deal_status",
            "next_contact_at",
            "region",
            "province",
            "city",
            "address",
            "postcode",
            "phone",
            "website",
            "remark",
        ]

    pool = forms.ChoiceField(required=False)

    def prepare(self):
        self.offer_pools(kinds.get("customer"), "放入客户池")
        function = "customer.create" if self.instance.pk is None else "customer.transfer"
        if self.instance.pk is None:
            self.pick("owner", people_in_reach(self.user, function), kind="employee", query={"for": function})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
        else:
            del self.fields["owner"]  # the owner changes by 转移 only
        if not self.user.has_function("customer.deal") or self.instance.pk is None:
            del self.fields["deal_status"]
        offer_places(self)
        if self.instance.pk is None:
            for name in CONTACT_BLOCK:
                field = Contact._meta.get_field(name)
                self.fields[f"contact_{name}"] = field.formfield(
                    required=False, label="称呼" if name == "salutation" else field.verbose_name
                )
                self.fields[f"contact_{name}"].clean = lambda value, field=field: (
                    field.clean_value(value) if value and str(value).strip() else ""
                )
            self.fields["contact_salutation"].widget = salutation_widget()

    def clean(self):
        data = super().clean()
        self.take_pool(data)
        typed = self.instance.pk is None and any(
            str(self.data.get(f"contact_{name}") or "").strip() for name in CONTACT_BLOCK
        )
        if typed and not data.get("contact_name") and "contact_name" not in self.errors:
            self.add_error("contact_name", Contact._meta.get_field("name").error_messages["blank"])
        if "name" in self.fields:  # 批量编辑 changes no names, and one number for many is not a duplicate
            self.look_for_duplicates(data)
        return data

    def look_for_duplicates(self, data):
        """The rule of this entry point, on what is new: what it forbids is an error; what it doubts has to be confirmed."""
        old = self.instance
        name = data.get("name") or ""
        phones = [one for key in ("phone", "contact_mobile") if (one := data.get(key) or "") and one != old.phone]
        findings = rules.check(
            "form",
            user=self.user,
            name=name if names.stem(name) != names.stem(old.name or "") else "",
            phones=phones,
            exclude=old.pk,
        )
        for key, words in findings.forbidden.items():
            self.add_error("contact_mobile" if key == "phone" and not data.get("phone") else key, words)
        token = findings.token
        if not token:
            return
        self.doubts = [finding.plain(hit, hit.name) for hit in findings.doubts]
        self.doubts_token = token
        if self.data.get("duplicates_ok") != token:
            self.add_error(None, f"可能重复 {len(self.doubts)} 条，请先确认；如果不是同一个客户，可以仍然保存。")

    def contact(self) -> dict | None:
        """The filled-in primary contact, None when the block is empty."""
        values = {name: self.cleaned_data.get(f"contact_{name}", "") for name in CONTACT_BLOCK}
        return values if values["name"] else None


def salutation_widget():
    """A select of the dictionary that also takes free text (tom-select `create`)."""
    choices = [("", "请选择"), *((label, label) for label in salutations())]
    return forms.Select(choices=choices, attrs={"data-search": "", "data-free": "50"})


class ContactForm(RecordForm):
    sections = (
        (
            "基本信息",
            "",
            ("customer", "name", "salutation", "gender", "owner", "position", "department", "is_decider", "birthday"),
        ),
        ("联系方式", "", ("mobile", "phone", "email", "qq", "wechat", "address", "postcode")),
        ("其他", "", ("remark",)),
    )

    class Meta:
        model = Contact
        fields = [
            "customer",
            "name",
            "salutation",
            "gender",
            "owner",
            "position",
            "department",
            "is_decider",
            "birthday",
            "mobile",
            "phone",
            "email",
            "qq",
            "wechat",
            "address",
            "postcode",
            "remark",
        ]

    def prepare(self):
        self.pick("customer", records_in_reach(self.user, "customer", "view"), kind="customer")
        if self.instance.pk is None:
            self.pick(
                "owner", people_in_reach(self.user, "contact.create"), kind="employee", query={"for": "contact.create"}
            )
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
        else:
            del self.fields["owner"]
        self.fields["salutation"].widget = salutation_widget()
        current = self.data.get("salutation") if self.is_bound else self.instance.salutation
        if current and current not in dict(self.fields["salutation"].widget.choices):
            self.fields["salutation"].widget.choices = [*self.fields["salutation"].widget.choices, (current, current)]

    def clean_customer(self):
        customer = self.cleaned_data["customer"]
        if (
            customer.pk != self.instance.customer_id
            and not Customer.objects.allowed(self.user, "edit").filter(pk=customer.pk).exists()
        ):
            raise ValidationError("您没有编辑该客户的权限，不能在它下面添加联系人。")
        return customer
