"""How often one address may ask for a page that needs no sign-in."""

import ipaddress

from crm.records import limits

from .signals import client_address


def sender(request) -> str:
    """What counts as one sender: an IPv4 address, or the /64 an IPv6 customer is given."""
    try:
        found = ipaddress.ip_address(client_address(request) or "")
    except ValueError:
        return "unknown"
    if found.version == 6 and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False).network_address)


def too_many(request, page: str, *, per_minute: int) -> bool:
    """Count one call of `page` from this sender; whether it is one too many in this minute."""
    return limits.count(f"{page}:{sender(request)}:{limits.moment():%Y%m%d%H%M}", 60) > per_minute
