"""What the tests of letters share: a seller with customers, a page to send from."""

from email import message_from_bytes, policy

from crm.notices import delivery
from crm.notices.models import Delivery
from crm.records import jobs, services
from customers.mailing import services as mailing
from customers.models import Contact, Customer, Mailing

TOKEN = "a" * 32


def customer(owner, name="甲公司", *, email="li@example.com", contact="李雷", **more):
    """A customer with a primary contact."""
    made = services.create(Customer(name=name, owner=owner, **more), by=owner)
    services.create(Contact(customer=made, owner=owner, name=contact, email=email, is_primary=True), by=owner)
    return made


def begin(by, *records, module="customer", **more):
    """Confirm a letter to these records and put it into the outbox."""
    values = {"who": "primary", "subject": "您好", "body": "正文", "token": TOKEN} | more
    made = mailing.begin(module, [record.pk for record in records], by=by, **values)
    jobs.execute(made.job_id)
    return Mailing.objects.get(pk=made.pk)


def send_all():
    """Everything that waits leaves now, whatever its time."""
    Delivery.objects.filter(state="waiting").update(next_at="2020-01-01T00:00:00Z")
    while delivery.sweep():
        pass


def states(made) -> list[str]:
    return list(made.recipients.order_by("pk").values_list("delivery__state", flat=True))


def read(raw: bytes):
    return message_from_bytes(raw, policy=policy.default)
