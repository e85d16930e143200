"""Requests are private: who reaches everybody's money or reports reaches only their own requests."""

from django.db import migrations

CODES = ("finance", "executive", "service", "marketing")
OWN = {"reach": "self", "departments": []}


def forward(apps, schema_editor):
    for role in apps.get_model("orgs", "Role").objects.filter(code__in=CODES):
        role.overrides = {"request": OWN, **role.overrides}
        role.save(update_fields=["overrides"])


class Migration(migrations.Migration):
    dependencies = [("orgs", "0080_money_functions")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
