"""What 查重 finds: customers two sellers came upon, and a request to hand one over."""

from customers.handover import services as handover
from customers.models import Contact, Customer
from customers.services import create_customer

TWINS = (  # whose customer, who came upon it too, how the name differs, contact, what is the same
    ("13800000012", "13800000022", "{brand}（华南）有限公司", "郑一帆", "phone"),
    ("13800000013", "13800000012", "{brand}股份有限公司", "陆知远", "website"),
    ("13800000022", "13800000013", "{brand}集团", "叶青禾", "mobile"),
)
NUMBER = len(TWINS)
WANTED = "他们华南的工厂在广州，上周展会上已经谈了样机，希望由我接着跟进。"


def make(people: dict, made) -> None:
    """One likely duplicate for each kind of evidence, and one open request."""
    live = set(Customer.objects.live().filter(pk__in=[one.pk for one in made.customers]).values_list("pk", flat=True))
    asked = None
    for owner, finder, pattern, person, same in TWINS:
        first = next(
            one
            for one in reversed(made.customers)
            if one.pk in live and one.owner_id == people[owner].pk and one.website and one.level.label == "A 重点"
        )
        contact = {"name": person}
        if same == "mobile":
            contact["mobile"] = Contact.objects.filter(customer=first, is_primary=True).get().mobile
        twin = Customer(name=pattern.format(brand=first.name_stem), owner=people[finder])
        if same != "mobile":
            setattr(twin, same, getattr(first, same))
        create_customer(twin, by=people[finder], contact=contact)
        asked = asked or first
    handover.ask(asked, WANTED, by=people["13800000022"])
