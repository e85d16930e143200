"""The row that says where the fields of a lead go."""

from django.db import migrations


def forward(apps, editor):
    apps.get_model("leads", "ConversionMapping").objects.create()


class Migration(migrations.Migration):
    dependencies = [("leads", "0020_conversion_mapping")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
