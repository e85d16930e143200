import re

from django.db import migrations, models

MONTHLY = re.compile(r"(\d{4})(\d{2})-#$")


def forward(apps, schema_editor):
    """Counters belong to the period from now on and not to the text around the sequence: XS-202611-# is 2026-11."""
    for counter in apps.get_model("records", "NumberCounter").objects.all():
        found = MONTHLY.search(counter.period)
        if found:
            counter.period = f"{found[1]}-{found[2]}"
            counter.save(update_fields=["period"])


class Migration(migrations.Migration):

    dependencies = [
        ('records', '0073_numbercounter'),
    ]

    operations = [
        migrations.CreateModel(
            name='NumberRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=40, unique=True)),
                ('parts', models.JSONField()),
                ('restart', models.CharField(choices=[('never', '从不，一直往后编'), ('year', '每年'), ('month', '每月'), ('day', '每天'), ('field', '字段不同时各编各的')], max_length=5, verbose_name='重新开始')),
                ('start', models.PositiveIntegerField(default=1, verbose_name='起始号')),
                ('version', models.PositiveIntegerField(default=1)),
            ],
        ),
        migrations.RunPython(forward, migrations.RunPython.noop),
    ]
