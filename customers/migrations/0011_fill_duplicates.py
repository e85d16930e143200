"""The stems and domains of the customers and contacts that stand here already."""

from django.db import migrations

from customers.duplicates import names

BATCH = 2000


def fill(apps, schema_editor):
    for model, compute in (
        ("Customer", lambda row: {"name_stem": names.name_stem(row.name), "domain": names.domain(row.website)}),
        ("Contact", lambda row: {"domain": names.domain(row.email)}),
    ):
        rows, last = apps.get_model("customers", model).objects, 0
        while found := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
            last = found[-1].pk
            for row in found:
                values = compute(row)
                for name, value in values.items():
                    setattr(row, name, value)
            rows.bulk_update(found, list(values), batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("customers", "0010_duplicates")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
