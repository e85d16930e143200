"""People for tests: plain functions, short names, no passwords needed."""

from itertools import count

from django.test import Client

from orgs import services
from orgs.models import Department, Employee, Role

PASSWORD = "kaihai-test-1"
_phones = count(13900000001)


def top() -> Department:
    """The top department of the migrations."""
    return Department.objects.get(parent=None)


def department(name: str, parent: Department | None = None, **kw) -> Department:
    """A department under `parent` (default: the top one)."""
    return services.create_department(Department(name=name, parent=parent or top(), **kw), by=None)


def role(code: str) -> Role:
    """A built-in role by its code ("seller", "sales_manager", "super", ...)."""
    return Role.objects.get(code=code)


def employee(
    name: str = "", roles=("seller",), department: Department | None = None, *, password: str = PASSWORD, **kw
) -> Employee:
    """An active employee whose password need not be changed. `roles` are codes or Role objects."""
    phone = kw.pop("phone", None) or str(next(_phones))
    must_change = kw.pop("must_change_password", False)
    person = Employee(phone=phone, name=name or f"员工{phone[-4:]}", department=department or top(), **kw)
    services.create_employee(
        person, roles=[role(one) if isinstance(one, str) else one for one in roles], by=None, password=password
    )
    if not must_change:
        person.must_change_password = False
        person.save(update_fields=["must_change_password"])
    return person


def client_for(person: Employee) -> Client:
    """A test client signed in as this employee."""
    client = Client()
    client.force_login(person, backend="orgs.backends.RoleBackend")
    return client
