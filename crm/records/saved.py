"""Views people save (场景), and how each sees the module's list."""

from urllib.parse import urlencode

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import QueryDict

from . import fieldset
from .models import SavedView

MOST = 50  # views of one person in one module
NOT_KEPT = frozenset({"page", "after", "before", "size", "count", "tab", "totals"})


def built_in(module, user) -> list:
    """The declared views this person may use."""
    fields = fieldset.of(module, user)
    return [view for view in module.views if all(fields.readable(key) for key in view.needs)]


class Views:
    """What one person has of one module's list, out of one statement: `settings` (or None) and the named `views` they may
    use, their own first."""

    def __init__(self, module, user):
        self.module, self.user, self.built_in = module, user, built_in(module, user)
        rows = SavedView.objects.filter(module=module.key).filter(Q(user=user) | ~Q(shared=""))
        self.settings, self.views = None, []
        for row in sorted(rows, key=lambda one: (one.user_id != user.pk, one.pk)):
            if not row.name:
                self.settings = row if row.user_id == user.pk else self.settings
            elif row.user_id == user.pk or serves(row, user):
                self.views.append(row)

    def find(self, key: str) -> SavedView | None:
        return next((view for view in self.views if view.key == key), None)

    @property
    def tabs(self) -> dict:
        return self.settings.tabs if self.settings else {}

    @property
    def default(self) -> str:
        """The key of the view the list opens with, "" for the first one."""
        key = self.tabs.get("default", "")
        known = {view.key for view in self.built_in if not view.page} | {view.key for view in self.views}
        return key if key in known else ""

    @property
    def columns(self) -> list[str]:
        return self.settings.columns if self.settings else []

    @property
    def size(self) -> int | None:
        return self.settings.size if self.settings else None

    def arranged(self, *, hidden: bool = False) -> list:
        """Built-in and saved views in the person's order, hidden ones only when asked for."""
        everything = [*self.built_in, *self.views]
        order = {key: place for place, key in enumerate(self.tabs.get("order", []))}
        away = set() if hidden else set(self.tabs.get("hidden", []))
        rows = [view for view in everything if view.key not in away]
        return sorted(rows, key=lambda view: order.get(view.key, 1000 + everything.index(view)))


def serves(view: SavedView, user) -> bool:
    """Whether a view is shared with this person."""
    if view.shared == SavedView.Shared.EVERYONE:
        return True
    if view.shared == SavedView.Shared.ROLES:
        return bool({role.pk for role in user.role_list()} & set(view.roles))
    if view.shared == SavedView.Shared.DEPARTMENTS:
        above = {int(part) for part in user.department.path.split("/") if part}
        return bool(above & set(view.departments))
    return False


def kept(query: str) -> str:
    """A list's query string without what belongs to one look at it."""
    return urlencode([(key, value) for key, value in QueryDict(query).items() if key not in NOT_KEPT and value != ""])


def merged(view: SavedView, data) -> QueryDict:
    """The parameters of a saved view with those of the URL on top."""
    found = QueryDict(view.query, mutable=True)
    for key, value in data.items():
        if key != "view":
            found[key] = value
    return found


@transaction.atomic
def save_view(view: SavedView, changes: dict, *, by) -> SavedView:
    """Save a view of one's own; ValidationError names what is wrong."""
    if view.pk is None and SavedView.objects.filter(user=by, module=view.module).exclude(name="").count() >= MOST:
        raise ValidationError(f"每个列表最多 {MOST} 个视图")
    for name, value in changes.items():
        setattr(view, name, value)
    if not view.name:
        raise ValidationError({"name": ["请填写名称"]})
    existing = {
        "departments": set(
            apps.get_model("orgs", "Department").objects.filter(pk__in=view.departments).values_list("pk", flat=True)
        ),
        "roles": set(apps.get_model("orgs", "Role").objects.filter(pk__in=view.roles).values_list("pk", flat=True)),
    }
    for name, label in (("departments", "部门"), ("roles", "角色")):
        if view.shared == name and not existing[name]:
            raise ValidationError({name: [f"请选择要共享的{label}"]})
        setattr(view, name, sorted(existing[name]) if view.shared == name else [])
    view.full_clean(exclude=["query", "columns", "size", "tabs", "departments", "roles"], validate_constraints=False)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise ValidationError({"name": ["您已有同名的视图"]}) from None
    return view


@transaction.atomic
def keep_settings(module, *, by, **changes) -> None:
    """Keep how a person sees a module's list."""
    row, _ = SavedView.objects.get_or_create(user=by, module=module.key, name="")
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))


@transaction.atomic
def make_default(module, key: str, *, by) -> None:
    """Have the list open with this view ("" = the first one)."""
    row, _ = SavedView.objects.get_or_create(user=by, module=module.key, name="")
    row.tabs = {**row.tabs, "default": key}
    row.save(update_fields=["tabs"])
