"""Sign-in by phone or e-mail, and permissions by role."""

from django.contrib.auth.backends import BaseBackend

from crm.records import scope
from crm.records.custom import definitions
from crm.records.fields import tidy

from .models import Employee

_DJANGO_ACTIONS = {"view": "view", "add": "create", "change": "edit", "delete": "delete"}


class RoleBackend(BaseBackend):
    """`has_perm("customer.edit", record)` = function held AND the row passes the gate. Django's own spelling
    ("customers.change_customer") means the same."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if not username or not password:
            return None
        username = tidy(username)
        lookup = {"email__iexact": username} if "@" in username else {"phone": username.replace(" ", "")}
        employee = Employee.objects.filter(**lookup).first()
        if employee is None:
            Employee().set_password(password)  # the same time for unknown names
            return None
        return employee if employee.check_password(password) and employee.is_active else None

    def get_user(self, user_id):
        rows = Employee.objects.select_related("department").annotate(fields_stamp=definitions.version_expression())
        return rows.filter(pk=user_id, is_active=True).first()

    def has_perm(self, user, perm, obj=None):
        if not getattr(user, "is_active", False):
            return False
        module, _, action = perm.partition(".")
        if "_" in action:
            verb, _, model = action.partition("_")
            if verb in _DJANGO_ACTIONS:
                module, action = model, _DJANGO_ACTIONS[verb]
        if not user.has_function(f"{module}.{action}"):
            return False
        return obj is None or scope.may(user, action, obj)
