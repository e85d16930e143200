"""The registry: what each module declares, and the only way upward (a tab of contracts stands on the customer page
because contracts declares the customer as its parent)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Q
from django.utils.module_loading import import_string

from .columns import Column
from .fields import Mobile, Phone
from .navigation import BADGES, NAV, TO_DO, Badge, NavPage, ToDo  # noqa: F401  part of the registry

BASE_FUNCTIONS = (
    ("view", "查看"),
    ("create", "新建"),
    ("edit", "编辑"),
    ("delete", "删除"),
    ("import", "导入"),
    ("export", "导出"),
    ("transfer", "转移"),
    ("print", "打印"),
)
# What a row action needs as function, where it is not its own name.
FUNCTION_OF = {
    "follow": "edit",
    "share": "edit",
    "revive": "edit",
    "restore": "delete",
    "purge": "delete",
    "move": "assign",
    "submit": "edit",
    "withdraw": "edit",
    "renew": "create",
    "attach": "edit",
}


@dataclass(frozen=True)
class View:
    """A built-in view (tab) of a list: `narrow(rows, user)` on rows that passed the gate; whoever may not read one of the fields
    `needs` in clear has no such view."""

    key: str
    label: str
    narrow: Callable = lambda rows, user: rows
    order: str = ""
    count: bool = False
    page: str = ""  # a tab that leads to another page of the module (回收站)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tab:
    """A tab of a detail page. `build(request, record, rights)` gives the template context; `count(record, user)` the
    figure in the label, as a number or as the rows to count (one queryset or several). Whoever holds none of `functions` has no
    such tab."""

    key: str
    label: str
    template: str
    build: Callable
    count: Callable | None = None
    order: int = 50
    functions: tuple[str, ...] = ()

    def opens(self, user) -> bool:
        return not self.functions or any(map(user.has_function, self.functions))


@dataclass(frozen=True)
class Face:
    """Another way to look at what a list shows (看板), at the module's page `page`; without one of the fields `needs` in clear a
    person is not offered it."""

    label: str
    icon: str
    page: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Closed:
    """Records in a state that closes doors (确定流失), named by the values of one field: on them nobody may do anything but
    `leaves` (None: everything but `denies`); `sentence` says so. `own`: who created the record is not bound, nor are super
    administrators; a record nobody created binds nobody. The gate asks it, so every door does."""

    field: str
    values: tuple
    leaves: frozenset[str] | None
    sentence: str
    denies: frozenset[str] = frozenset()
    own: bool = False

    def forbids(self, action: str) -> bool:
        """Whether the state stands in the way; what may be deleted may come back from the recycle bin."""
        action = "delete" if action in ("restore", "purge") else action
        return action in self.denies if self.leaves is None else action not in self.leaves

    def binds(self, user, action: str) -> bool:
        return self.forbids(action) and not (self.own and user.is_super)

    def holds(self, record) -> bool:
        return getattr(record, self.field) in self.values

    def bound(self, record, user) -> bool:
        """Whether the state holds and binds this person."""
        return self.holds(record) and not (self.own and (user.is_super or record.created_by_id in (None, user.pk)))

    def narrow(self, rows, user):
        """`rows` without those in this state that bind the person."""
        if not self.own:
            return rows.exclude(**self.rows)
        return rows.exclude(Q(**self.rows, created_by__isnull=False) & ~Q(created_by=user))

    def only(self, rows, user):
        """Those of `rows` in this state that bind the person."""
        rows = rows.filter(**self.rows)
        return rows.filter(created_by__isnull=False).exclude(created_by=user) if self.own else rows

    @property
    def rows(self) -> dict:
        """The records in this state, as arguments of filter and exclude."""
        return {f"{self.field}__in": self.values} if len(self.values) > 1 else {self.field: self.values[0]}


@dataclass(frozen=True)
class Bulk:
    """An action on selected rows: `run(rows, *, by, form)` gets the allowed rows and answers how many it changed, or that
    number with [(title, reason)] failures, or the Job that does it. `page` = the address of an action with a page of its own
    (no `run`), `one` = its label on a record's own page."""

    key: str
    label: str
    icon: str
    action: str
    run: Callable
    heading: str
    submit: str
    form: str = ""
    body: str = ""
    danger: bool = False
    shown: Callable | None = None
    template: str = "records/confirm.html"
    done: str = "操作成功"
    leaves: bool = False  # the records are gone from where they stood: back to the list
    page: str = ""  # it has a page of its own at this address, also for all that the list shows
    one: str = ""
    views: tuple[str, ...] = ()  # the list's views in whose bar it stands (none named: all of them)


def flag(field: str, value: bool, *, key: str, label: str, icon: str, action: str, body: str = "") -> Bulk:
    """A bulk action that sets a yes/no field (锁定, 上架); on a record's own page it shows where it would change it."""

    def run(rows, *, by, form=None):
        from . import services

        return services.set_flag(rows, field, value, by=by, code=key, text=label)

    heading, submit = label + " {n} 个{label}？", label + "（{n} 个）"
    return Bulk(
        key, label, icon, action, run, heading, submit, body=body, shown=lambda record: getattr(record, field) != value
    )


@dataclass
class Module:
    """The declaration of a record type; `crm.records` builds every page and door out of it."""

    name: str
    label: str
    icon: str
    model: type
    prefix: str
    form: str
    filters: str
    columns: list[Column]
    views: list[View]
    group: str = "销售"
    order: int = 100
    functions: tuple = ()
    without: tuple = ()
    parents: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()  # parents whose page shows it in a tab of its own making
    owned: bool = True
    followed: bool = False  # follow-ups (跟进记录) are written at its records
    grant_model: type | None = None
    search: dict = field(default_factory=dict)
    search_related: tuple = ()
    search_placeholder: str = "名称、电话、拼音首字母"
    sections: tuple = ()
    tabs: list[Tab] = field(default_factory=list)
    bulk: list[Bulk] = field(default_factory=list)
    facts: tuple[str, ...] = ()
    chips: Callable | None = None
    side: tuple = ()
    importer: str = ""
    verbs: dict = field(default_factory=dict)
    create_from: Callable | None = None
    adds: Callable | None = (
        None  # adds(parent, user) -> whether the tab at this parent offers to add one; None: whoever edits it
    )
    pickable: Callable = lambda rows: rows  # rows that may be picked anew
    pick_for: dict = field(default_factory=dict)  # what a picker may ask for by name instead: {name: f(user) -> rows}
    picked: tuple[str, ...] = ()  # columns of the second line in pickers; none named: phone, or else code
    texts: dict = field(
        default_factory=dict
    )  # confirm pages that differ: {bulk key: question, "<key>_body": consequence}
    duplicate_hint: bool = False
    quota: object = (
        None  # caps of owned records: .admit, .rooms(ids), .weigh(ids, rows); see customers.pools.quotas.Quota
    )
    closed: Closed | tuple[Closed, ...] | None = None
    faces: tuple[Face, ...] = ()
    unowned: Callable | None = (
        None  # unowned(user) = ids of deleted rows without an owner that are this person's to restore
    )
    inherent: tuple = ()  # models whose rows come with a record of their own accord; an undone import takes them along
    received: str = ""  # the field that keeps when the present owner got the record
    handed: dict = field(default_factory=dict)  # what else changes with the owner: {field: value or expression}
    place: str = ""  # set where the declaration is about rows that stand elsewhere (a public pool): see `located`
    masked: frozenset[str] = frozenset()  # fields shown masked there whatever the role says
    default_order: str = "-created_at"

    def __post_init__(self):
        from .tagging.columns import TagColumn

        self.columns = [column.bind(self.model) for column in [*self.columns, TagColumn()]]
        self.by_key = {column.key: column for column in self.columns}

    @cached_property
    def permissions(self) -> list[tuple[str, str]]:
        """Functions of the role matrix: [(action, label)]."""
        return [pair for pair in BASE_FUNCTIONS if pair[0] not in self.without] + list(self.functions)

    @property
    def key(self) -> str:
        """What saved views and selections are kept under."""
        return f"{self.name}.{self.place}" if self.place else self.name

    def rows(self, user, action: str = "view", *, trashed: bool = False):
        """The rows of its pages on which `user` may do `action`: the gate, unless it stands at a place of its own."""
        rows = self.model.objects.allowed(user, action, trashed=trashed)
        if trashed and self.unowned and self.may(user, action):
            here = rows.order_by().values("pk")
            return self.model.objects.trashed().filter(Q(pk__in=here) | Q(pk__in=self.unowned(user)))
        return rows

    @property
    def edits_many(self) -> bool:
        """Whether fields of several records may be edited at once; not where each has a form of its own."""
        return bool(self.form) and "bulk_edit" not in self.without

    def function_for(self, action: str) -> str:
        return FUNCTION_OF.get(action, action)

    def may(self, user, action: str) -> bool:
        """Whether the user holds the function at all (403 when not)."""
        return user.has_function(f"{self.name}.{self.function_for(action)}")

    @cached_property
    def closings(self) -> tuple[Closed, ...]:
        """The states that close doors."""
        return self.closed if isinstance(self.closed, tuple) else (self.closed,) if self.closed else ()

    def refusal(self, record, action: str, user) -> str:
        """Why the person may not do this on the record whatever their reach, "" where nothing is in the way."""
        return next((one.sentence for one in self.closings if one.forbids(action) and one.bound(record, user)), "")

    def verb(self, name: str) -> Callable:
        """The service behind create, update, delete, restore, purge, transfer: the module's own or the shared one."""
        from . import services

        return self.verbs.get(name) or getattr(services, name)

    @cached_property
    def form_class(self):
        return import_string(self.form)

    @cached_property
    def filter_class(self):
        return import_string(self.filters)

    @cached_property
    def dialled(self) -> list[str]:
        """Fields one calls: the card of a row offers the first that is filled."""
        there = {field.name: field for field in self.model._meta.fields}
        return [name for name in ("mobile", "phone") if isinstance(there.get(name), Mobile | Phone)]

    @cached_property
    def title_field(self) -> str:
        return self.columns[0].key

    def titled(self, value) -> str:
        """The title out of a value of the title field, as its column shows it."""
        column = self.columns[0]
        return column.text(column.combine(value)) if column.combine else str(value)

    def title_of(self, record) -> str:
        return self.titled(getattr(record, self.title_field))

    def url(self, page: str = "", pk: int | None = None) -> str:
        base = f"/{self.prefix}/"
        if pk is not None:
            base += f"{pk}/"
        return base + (f"{page}/" if page else "")

    list_url = property(lambda self: self.url())
    new_url = property(lambda self: self.url("new"))
    import_url = property(lambda self: self.url("import"))
    export_url = property(lambda self: self.url("export"))
    columns_url = property(lambda self: self.url("columns"))
    recycle_url = property(lambda self: self.url("recycle"))
    bulk_url = property(lambda self: self.url("bulk"))

    @property
    def select_first(self) -> str:
        return f"请先选择{self.label}信息。"

    @property
    def children(self) -> list["Module"]:
        return [module for module in ALL.values() if self.name in module.parents]


ALL: dict[str, Module] = {}


def register(module: Module) -> Module:
    """Add a module; the name must be new."""
    if module.name in ALL:
        raise ValueError(f"module {module.name} is registered twice")
    ALL[module.name] = module
    return module


def get(name: str) -> Module:
    """The module of that name (KeyError when there is none)."""
    return ALL[name]


# What modules add to the pages of records they do not know: build(record, user) -> None or {"template": shown above the
# tabs, "actions": put before those of the record, "side": [cards], and what the template shows}.
PANELS: list[Callable] = []


# Places: name -> resolve(module name, rest of the place, user), which answers a Module for the rows there.
PLACES: dict[str, Callable] = {}


def located(name: str, place: str, user) -> Module:
    """The module, or what stands in for it at a place such as "pool:3" (LookupError where the person may not go)."""
    if not place:
        return get(name)
    kind, _, rest = place.partition(":")
    return PLACES[kind](name, rest, user)


def of_model(model: type) -> Module:
    """The module of a record class or instance's class (LookupError when it is none)."""
    for module in ALL.values():
        if module.model is model:
            return module
    raise LookupError(f"{model} is not a registered record type")


def of_content_type(content_type) -> Module:
    return of_model(content_type.model_class())


def ordered() -> list[Module]:
    return sorted(ALL.values(), key=lambda module: module.order)


# Administration functions: (key, label). Modules above may add theirs.
ADMIN_FUNCTIONS: dict[str, str] = {
    "admin.org": "组织",
    "admin.roles": "角色",
    "admin.dictionary": "数据字典",
    "admin.fields": "自定义字段",
    "admin.pools": "公海规则",
    "admin.log": "日志",
    "admin.settings": "系统设置",
    "admin.jobs": "后台任务",
    "admin.recycle": "清除回收站",
}


def all_functions() -> set[str]:
    """Every function a role can hold."""
    return {f"{module.name}.{key}" for module in ALL.values() for key, _ in module.permissions} | set(ADMIN_FUNCTIONS)
