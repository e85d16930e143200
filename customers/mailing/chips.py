"""What a contact's page says about letters."""

from ..models import MailOptOut
from ..models.mailing import address_key


def contact_chips(contact, fields) -> list[dict]:
    """已退订, where the address may be read."""
    if not contact.email or not fields.readable("email"):
        return []
    out = MailOptOut.objects.filter(address_key=address_key(contact.email)).exists()
    return [{"label": "已退订邮件", "css": "k-chip-warning"}] if out else []
