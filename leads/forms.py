"""Forms of leads."""

from django import forms

from crm.records.formfields import DictionaryChoice
from crm.records.forms import RecordForm, people_in_reach
from crm.records.models import DictionaryItem
from customers.forms import offer_places
from customers.pools import kinds
from customers.pools.forms import PoolChoice

from .models import Lead

NOTE = 500


class LeadForm(PoolChoice, RecordForm):
    sections = (
        (
            "基本信息",
            "",
            (
                "name",
                "company",
                "owner",
                "pool",
                "source",
                "campaign",
                "industry",
                "level",
                "chance",
                "summary",
                "description",
            ),
        ),
        ("联系方式", "", ("contact_name", "position", "mobile", "phone", "email", "province", "city", "address")),
        ("其他", "", ("next_contact_at", "remark")),
    )

    class Meta:
        model = Lead
        fields = [
            "name",
            "company",
            "owner",
            "source",
            "campaign",
            "industry",
            "level",
            "chance",
            "summary",
            "description",
            "contact_name",
            "position",
            "mobile",
            "phone",
            "email",
            "province",
            "city",
            "address",
            "next_contact_at",
            "remark",
        ]

    pool = forms.ChoiceField(required=False)

    def prepare(self):
        self.offer_pools(kinds.get("lead"), "放入线索池")
        if self.instance.pk is None:
            reach = people_in_reach(self.user, "lead.create")
            self.pick("owner", reach, kind="employee", query={"for": "lead.create"})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
        else:
            del self.fields["owner"]  # the owner changes by 转移 and 指派 only
        offer_places(self)
        self.fields["name"].help_text = "不填就用公司名称"
        self.fields["company"].widget.attrs["data-dup"] = ""  # likely duplicates are looked for here too
        self.name_by_company()

    def name_by_company(self) -> None:
        """A lead without a name bears that of its company."""
        name, company = self.add_prefix("name"), self.add_prefix("company")
        if self.is_bound and "company" in self.fields and not (self.data.get(name) or "").strip():
            self.data = self.data.copy()
            self.data[name] = self.data.get(company, "")

    def clean(self):
        data = super().clean()
        self.take_pool(data)
        return data


class GiveUpForm(forms.Form):
    """终止开发: why, and a note."""

    def __init__(self, *args, user, module, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"] = DictionaryChoice(
            code="lead.dead_reason", label="失效原因", error_messages={"required": "请选择失效原因"}
        )
        self.fields["reason"].offer(list(DictionaryItem.objects.filter(dictionary="lead.dead_reason")), None)
        self.fields["note"] = forms.CharField(
            label="说明",
            required=False,
            max_length=NOTE,
            widget=forms.Textarea(attrs={"rows": 3}),
            error_messages={"max_length": f"最多 {NOTE} 个字"},
        )
