"""What the built-in roles may do with leads and opportunities."""

from django.db import migrations


def every(module, *actions):
    return [f"{module}.{action}" for action in actions]


WORK = ("view", "create", "edit", "delete", "import", "export", "transfer", "print")
READ = ("view", "export", "print")
SELL = [*every("lead", *WORK, "claim", "release", "convert"), *every("opportunity", *WORK)]
MANAGE = [*SELL, *every("lead", "assign", "lock", "history"), *every("opportunity", "reopen", "history")]
ADDED = {
    "admin": ["admin.sales", "lead.form"],
    "executive": [*every("lead", *READ), *every("opportunity", *READ)],
    "department_manager": MANAGE,
    "sales_manager": MANAGE,
    "seller": SELL,
    "finance": ["opportunity.view"],
    "service": ["opportunity.view"],
    "marketing": [*every("lead", *WORK, "assign", "form"), "opportunity.view"],
}
REACH = {"marketing": {"lead": {"reach": "all", "departments": []}}}


def forward(apps, schema_editor):
    for role in apps.get_model("orgs", "Role").objects.filter(code__in=ADDED):
        role.permissions = [*role.permissions, *(code for code in ADDED[role.code] if code not in role.permissions)]
        role.overrides = {**REACH.get(role.code, {}), **role.overrides}
        role.save(update_fields=["permissions", "overrides"])


class Migration(migrations.Migration):
    dependencies = [("orgs", "0063_handover")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
