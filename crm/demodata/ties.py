"""Customers that belong together: a parent with two subsidiaries, a partner, and a contact who works for two of them."""

from crm.records.models import DictionaryItem
from customers.models import Contact, Customer
from customers.models.links import LINK, SUBSIDIARY
from customers.relations import services


def make(people: dict) -> None:
    """Ties between customers in use of one seller, the second subsidiary a colleague's."""
    mine, mate = (
        list(Customer.objects.live().filter(owner=people[phone]).order_by("pk")[:3])
        for phone in ("13800000012", "13800000013")
    )
    parent, first, partner, second = *mine, mate[0]
    kinds = {item.label: item for item in DictionaryItem.objects.filter(dictionary=LINK)}
    by = people["13800000011"]
    services.relate(parent, first, kinds[SUBSIDIARY], note="全资", by=by)
    services.relate(parent, second, kinds[SUBSIDIARY], note="控股 60%", by=by)
    services.relate(partner, parent, kinds["合作"], by=by)
    contact = Contact.objects.live().filter(customer=parent).order_by("pk").first()
    services.link_contact(contact, first, position="董事", by=by)
