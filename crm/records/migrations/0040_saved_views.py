from django.conf import settings
from django.db import migrations, models

import crm.records.fields


class Migration(migrations.Migration):
    dependencies = [("records", "0031_followup_values"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.RemoveConstraint(model_name="listpreference", name="list_preference_once"),
        migrations.RenameModel(old_name="ListPreference", new_name="SavedView"),
        migrations.AlterModelOptions(name="savedview", options={"verbose_name": "视图"}),
        migrations.AddField("savedview", "name", crm.records.fields.Text(blank=True, default="", max_length=30, verbose_name="名称")),
        migrations.AddField("savedview", "query", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.AddField("savedview", "tabs", models.JSONField(default=dict)),
        migrations.AddField(
            "savedview",
            "shared",
            models.CharField(
                blank=True,
                choices=[("", "仅自己"), ("departments", "指定部门（含下级）"), ("roles", "指定角色"), ("everyone", "所有人")],
                default="",
                max_length=12,
                verbose_name="共享给",
            ),
        ),
        migrations.AddField("savedview", "departments", models.JSONField(default=list, verbose_name="部门")),
        migrations.AddField("savedview", "roles", models.JSONField(default=list, verbose_name="角色")),
        migrations.AddConstraint(
            "savedview",
            models.UniqueConstraint(condition=models.Q(("name", "")), fields=("user", "module"), name="list_settings_once"),
        ),
        migrations.AddConstraint(
            "savedview",
            models.UniqueConstraint(
                condition=models.Q(("name", ""), _negated=True),
                fields=("user", "module", "name"),
                name="saved_view_name",
                violation_error_message="您已有同名的视图",
            ),
        ),
    ]
