"""Forms of leads."""

from crm.records.forms import RecordForm, people_in_reach

from .models import Lead


class LeadForm(RecordForm):
    sections = (
        (
            "基本信息",
            "",
            ("name", "company", "owner", "source", "campaign", "industry", "level", "chance", "summary", "description"),
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

    def prepare(self):
        if self.instance.pk is None:
            reach = people_in_reach(self.user, "lead.create")
            self.pick("owner", reach, kind="employee", query={"for": "lead.create"})
            self.initial["owner"] = self.initial.get("owner") or self.user.pk
        else:
            del self.fields["owner"]  # the owner changes by 转移 and 指派 only
