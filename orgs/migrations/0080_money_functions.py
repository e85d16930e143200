"""What the built-in roles may do with approvals, contracts, invoices and payments."""

from django.db import migrations


def every(module, *actions):
    return [f"{module}.{action}" for action in actions]


WORK = ("view", "create", "edit", "delete", "import", "export", "transfer", "print")
READ = ("view", "export", "print")
READ_ALL = [code for name in ("contract", "payment_plan", "payment", "invoice") for code in every(name, *READ)]
SELL = [
    *every("contract", *WORK, "amend", "finish"),
    *every("payment_plan", *WORK),
    *every("payment", *WORK),
    *every("invoice", *WORK),
    *every("request", "view", "create", "edit", "delete", "export", "print"),
]
MANAGE = [
    *SELL,
    *every("contract", "void", "history"),
    *every("payment", "void", "history", "over", "settle"),
    *every("invoice", "void", "history", "issue"),
]
ASK = every("request", "view", "create", "edit", "delete", "export", "print")
ADDED = {
    "admin": ["admin.approvals", "admin.approval_force"],
    "executive": [*READ_ALL, *ASK],
    "department_manager": MANAGE,
    "sales_manager": MANAGE,
    "seller": SELL,
    "finance": [
        *every("contract", *READ),
        *every("payment_plan", *WORK),
        *every("payment", *WORK, "void", "history", "settle"),
        *every("invoice", *WORK, "void", "history", "issue"),
        *ASK,
    ],
    "service": ["contract.view", *ASK],
    "marketing": ASK,
}
ALL = {"reach": "all", "departments": []}
REACH = {"finance": {"contract": ALL, "payment_plan": ALL, "payment": ALL, "invoice": ALL}}


def forward(apps, schema_editor):
    for role in apps.get_model("orgs", "Role").objects.filter(code__in=ADDED):
        role.permissions = [*role.permissions, *(code for code in ADDED[role.code] if code not in role.permissions)]
        role.overrides = {**REACH.get(role.code, {}), **role.overrides}
        role.save(update_fields=["permissions", "overrides"])


class Migration(migrations.Migration):
    dependencies = [("orgs", "0072_price_lists")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
