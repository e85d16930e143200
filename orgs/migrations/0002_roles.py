"""The built-in roles and the top department."""

from django.db import migrations


def every(module, *actions):
    return [f"{module}.{action}" for action in actions]


WORK = ("view", "create", "edit", "delete", "import", "export", "transfer", "print")
ADMIN = ["admin.org", "admin.roles", "admin.dictionary", "admin.log", "admin.settings", "admin.jobs", "admin.recycle"]
SELL = every("customer", *WORK) + every("contact", *WORK) + every("product", "view", "print")
LEAD = SELL + every("customer", "lock", "deal", "history") + every("contact", "history") + every("product", "export")
ROLES = [
    ("super", "超级管理员", "拥有全部权限，不能编辑或删除", [], "all", {}),
    ("admin", "系统管理员", "管理组织、角色和设置，不看业务数据",
     ADMIN + every("product", "view", "create", "edit", "delete", "import", "export", "print", "shelf"), "self", {}),
    ("executive", "高管", "查看全部数据和报表", every("customer", "view", "export", "print") + every("contact", "view", "export", "print") + every("product", "view", "print"), "all", {}),
    ("department_manager", "部门经理", "管理本部门及下属部门的全部业务", LEAD, "department_below", {}),
    ("sales_manager", "销售经理", "管理本部门及下属部门的全部业务", LEAD, "department_below", {}),
    ("seller", "客户经理", "做自己的业务", SELL, "self", {}),
    ("finance", "财务", "查看全部客户", every("customer", "view", "print") + every("contact", "view") + every("product", "view", "print", "cost"), "all", {}),
    ("service", "客服", "查看全部客户", every("customer", "view", "print") + every("contact", "view") + every("product", "view"), "all", {}),
    ("marketing", "市场", "查看本部门的客户", every("customer", "view", "print") + every("contact", "view") + every("product", "view"), "department_below", {}),
]


def forward(apps, schema_editor):
    role, department = apps.get_model("orgs", "Role"), apps.get_model("orgs", "Department")
    for order, (code, name, description, permissions, reach, overrides) in enumerate(ROLES, 1):
        role.objects.create(code=code, name=name, description=description, permissions=permissions, reach=reach, overrides=overrides, order=order * 10)
    top = department.objects.create(name="办公室", path="")
    top.path = f"/{top.pk}/"
    top.save()


class Migration(migrations.Migration):
    dependencies = [("orgs", "0001_initial")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
