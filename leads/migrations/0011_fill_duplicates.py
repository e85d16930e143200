"""The stems and domains of the leads that stand here already."""

from django.db import migrations

from customers.duplicates import names

BATCH = 2000


def fill(apps, schema_editor):
    rows, last = apps.get_model("leads", "Lead").objects, 0
    while found := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = found[-1].pk
        for row in found:
            row.name_stem, row.company_stem = names.name_stem(row.name), names.name_stem(row.company)
            row.domain = names.domain(row.email)
        rows.bulk_update(found, ["name_stem", "company_stem", "domain"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("leads", "0010_core")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
