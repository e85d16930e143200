"""Who may keep price lists."""

from django.db import migrations

ADDED = {"admin": ["product.price"], "department_manager": ["product.price"]}


def forward(apps, schema_editor):
    for role in apps.get_model("orgs", "Role").objects.filter(code__in=ADDED):
        role.permissions = [*role.permissions, *(code for code in ADDED[role.code] if code not in role.permissions)]
        role.save(update_fields=["permissions"])


class Migration(migrations.Migration):
    dependencies = [("orgs", "0070_sales_functions")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
