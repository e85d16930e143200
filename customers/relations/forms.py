"""Forms of 关联客户 and of linked contacts."""

from crm.records.forms import HouseForm, records_in_reach

from ..models import ContactCustomer, CustomerRelation


class RelationForm(HouseForm):
    own_words = frozenset({"kind"})

    class Meta:
        model = CustomerRelation
        fields = ["other", "kind", "note"]

    def __init__(self, *args, record, **kwargs):
        self.record = record
        super().__init__(*args, **kwargs)

    def prepare(self):
        rows = records_in_reach(self.user, "customer", "view").exclude(pk=self.record.pk)
        self.pick("other", rows, kind="customer")
        self.fields["kind"].label = "对方是本客户的"
        self.fields["kind"].error_messages["required"] = "请选择关系"


class LinkForm(HouseForm):
    class Meta:
        model = ContactCustomer
        fields = ["contact", "position"]

    def __init__(self, *args, record, **kwargs):
        self.record = record
        super().__init__(*args, **kwargs)

    def prepare(self):
        rows = records_in_reach(self.user, "contact", "edit").exclude(customer=self.record.pk)
        self.pick("contact", rows, kind="contact")
        field = self.fields["contact"]
        field.help_text = "联系人仍属于原来的客户，在这里标为兼任；看得到本客户的同事能看到其姓名、职位和电话。"
        field.error_messages["invalid_choice"] = "请选择另一个客户的、您可以编辑的联系人"
