"""Pages of the customer that differ from those every record has."""

from crm.records.modules import Tab

from .merging.views import RecycledCustomer
from .pools.views import OwnedDetail
from .relations import queries


class CustomerPage(OwnedDetail):
    """The 联系人 tab also lists the contacts of other customers who work for this one."""

    def shared_tabs(self):
        return [self.with_links(tab) if tab.key == "contacts" else tab for tab in super().shared_tabs()]

    def with_links(self, tab: Tab) -> Tab:
        def build(request, record, rights):
            may_edit = "edit" in rights
            return {
                **tab.build(request, record, rights),
                "linked": queries.linked_contacts(record, self.user, may_edit=may_edit),
                "link_url": self.module.url("contacts/link", record.pk) if may_edit else "",
            }

        def count(record, user):
            return [tab.count(record, user), queries.links_of(record)]

        return Tab(tab.key, tab.label, "customers/contacts.html", build, count, tab.order)


VIEWS = {"detail": CustomerPage, "recycled": RecycledCustomer}
