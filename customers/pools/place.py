"""A pool as a place: the declaration of its records' module with the rows of the pool, its own columns and verbs, and what the
pool hides shown masked. The shared pages (list, columns, saved views, bulk, export) run on it."""

import copy
from dataclasses import dataclass, field, replace
from functools import cache

from crm.records import fieldset, modules
from crm.records.columns import Column
from crm.records.modules import Bulk, Module, View

from . import access, book, forms, kinds, services
from .columns import FollowUpCount

READ = frozenset({"view", "export", "claim"})


@dataclass
class Place(Module):
    """`rows` are the pool's; what reads is for members, the rest for those who manage it."""

    pool: book.Facts | None = field(default=None)

    @property
    def kind(self) -> kinds.Kind:
        return kinds.get(self.name)

    def rows(self, user, action: str = "view", *, trashed: bool = False):
        if trashed or not self.may(user, action):
            return self.model.objects.none()
        return access.rows(self.kind, user, [self.pool])

    def may(self, user, action: str) -> bool:
        if action in READ:
            return super().may(user, action)
        if not access.may_manage(self.kind, user, self.pool):
            return False
        return action == "move" or super().may(user, action)


def at(kind: kinds.Kind, pool: book.Facts) -> Place:
    """The declaration for this pool."""
    found = copy.copy(_declared(kind.module))
    found.prefix, found.place, found.pool = f"{kind.prefix}/{pool.pk}", f"pool:{pool.pk}", pool
    found.masked = frozenset(key.split(".")[1] for key in pool.hidden if key.startswith(f"{kind.module}."))
    return found


def enter(kind: kinds.Kind, pool: book.Facts, user) -> Place:
    """Go there for the rest of the request: fields of the records and of what hangs on them are the pool's."""
    found = at(kind, pool)
    children = []
    for name, _ in kind.children:
        child = copy.copy(modules.get(name))
        child.masked = frozenset(key.split(".")[1] for key in pool.hidden if key.startswith(f"{name}."))
        children.append(child)
    fieldset.enter(user, found, *children)
    return found


def located(name: str, rest: str, user) -> Place:
    """The place of a job (LookupError where the person may not look into the pool any more)."""
    kind = kinds.get(name)
    pool = next((one for one in access.pools_of(kind, user) if str(one.pk) == rest), None)
    if pool is None:
        raise LookupError(f"pool {rest} is not this person's")
    return enter(kind, pool, user)


modules.PLACES["pool"] = located


@cache
def _declared(name: str) -> Place:
    """The module's declaration as a pool shows it, without a pool yet."""
    module, kind = modules.get(name), kinds.get(name)
    first = {column.key: column for column in module.columns}
    shown = [copy.copy(first[key]) for key in kind.leading if key in first]
    for column in shown:
        column.default = True
    own = [
        Column("former_owner", paths=("former_owner__name",), css="k-w-96", m="sub", default=True),
        Column("pool_reason", css="k-w-addr", m="wide", default=True),
        Column("pooled_at", sort="pooled_at", css="k-w-120", m="side", default=True),
        FollowUpCount(),
    ]
    away = {*kind.leading, "owner", "locked", "deadline", "tags"}
    rest = [copy.copy(column) for column in module.columns if column.key not in away]
    for column in rest:
        column.default, column.sort = False, ""
    return Place(
        name=module.name,
        label=module.label,
        icon="pool",
        model=module.model,
        prefix=kind.prefix,
        form=module.form,
        filters=kind.filters or module.filters,
        columns=[*shown, *own, *rest],
        views=[View("all", "全部", count=True)],
        functions=module.functions,
        parents=module.parents,
        grant_model=None,
        search=module.search,
        search_related=module.search_related,
        search_placeholder=module.search_placeholder,
        sections=module.sections,
        facts=tuple(fact for fact in module.facts if fact != "owner"),
        verbs=module.verbs,
        texts={"claim": "确定要批量领取吗?", "delete_body": module.texts.get("delete_body", "")},
        default_order="-pooled_at",
        bulk=[
            Bulk(
                "claim",
                "领取",
                "plus",
                "claim",
                lambda ids, *, by: services.claim(kind, ids, by=by),
                "领取 {n} 个{label}？",
                "领取（{n} 个）",
                body="领取后由您负责，它们的联系人一起归您。" if kind.children else "领取后由您负责。",
                done="领取成功",
                leaves=True,
            ),
            Bulk(
                "assign",
                kind.assign_label,
                "transfer",
                "assign",
                _assign,
                kind.assign_label + " {n} 个{label}",
                kind.assign_label + "（{n} 个）",
                form=forms.AssignForm,
                done="指派成功",
                leaves=True,
            ),
            Bulk("move", "移动", "pool", "move", _move, "移动 {n} 个{label}", "移动（{n} 个）", form=forms.MoveForm),
            *kind.bulk,
        ],
    )


def _assign(rows, *, by, form):
    return services.assign(rows, form.cleaned_data["owner"], by=by)


def _move(rows, *, by, form):
    return services.move(rows, form.cleaned_data["pool"], by=by)


def _release(rows, *, by, form):
    data = form.cleaned_data
    return services.release(rows, data["pool"], by=by, reason=data["reason"], words=data["words"])


def release_bulk(kind: kinds.Kind, *, done: str) -> Bulk:
    """放入公海, 放入线索池: the action of the module's own list; `done` = what the toast says."""
    along = "，联系人一起放入" if kind.children else ""
    return Bulk(
        "release",
        f"放入{kind.label}",
        "pool",
        "release",
        _release,
        f"把 {{n}} 个{{label}}放入{kind.label}？",
        f"放入{kind.label}（{{n}} 个）",
        form=forms.ReleaseForm,
        body=f"您将不再是负责人{along}；别人领取之前可以撤销。",
        danger=True,
        done=done,
        leaves=True,
    )


def shared_bulk() -> list[Bulk]:
    """The shared actions that make sense in a pool."""
    from crm.records.views.bulk import SHARED

    found = {bulk.key: bulk for bulk in SHARED}
    return [found["export"], replace(found["delete"])]
