"""What the built-in roles may do with the public pool, duplicates and letters to customers."""

from django.db import migrations

SELL = ["customer.release", "customer.claim", "customer.mail"]
LEAD = [*SELL, "customer.assign", "customer.merge", "customer.churn"]
ADDED = {
    "admin": ["admin.pools"],
    "department_manager": LEAD,
    "sales_manager": LEAD,
    "seller": SELL,
    "marketing": ["customer.mail"],
}


def forward(apps, schema_editor):
    for role in apps.get_model("orgs", "Role").objects.filter(code__in=ADDED):
        role.permissions = [*role.permissions, *(code for code in ADDED[role.code] if code not in role.permissions)]
        role.save(update_fields=["permissions"])


class Migration(migrations.Migration):
    dependencies = [("orgs", "0004_field_rights")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
