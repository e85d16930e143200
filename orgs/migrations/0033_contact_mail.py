"""Who may write to customers may write to contacts."""

from django.db import migrations


def forward(apps, schema_editor):
    for role in apps.get_model("orgs", "Role").objects.all():
        if role.code and "customer.mail" in role.permissions and "contact.mail" not in role.permissions:
            role.permissions = [*role.permissions, "contact.mail"]
            role.save(update_fields=["permissions"])


class Migration(migrations.Migration):
    dependencies = [("orgs", "0005_pool_functions")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
