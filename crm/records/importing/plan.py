"""One import as it was asked for (Plan) and one stretch of its rows after all checks (Chunk)."""

from collections import defaultdict
from dataclasses import replace
from itertools import islice

from django.db import models

from .. import search, services
from . import cells, companions, custom, keys, targets, upload

MODES = {"skip": "跳过", "overwrite": "覆盖", "fill": "仅填空", "create": "新建"}
UNKNOWN = {"reject": "拒绝该行", "map": "逐个对应", "create": "新建字典项"}


class Invalid(Exception):
    """The import cannot run as asked for; the message is for the person."""


class Plan:
    """`options`: mapping {target: column}, on_duplicate (MODES), key (what decides on duplicates, keys.offered), unknown
    (UNKNOWN), values {target: {label: id or None}}."""

    def __init__(self, module, user, options: dict, *, within=None):
        """`within` = the companions.Companion this is the plan of: the record it belongs to is given with each row."""
        self.module, self.user, self.model = module, user, module.model
        self.importer = targets.importer_of(module)
        self.mode, self.unknown = options.get("on_duplicate", "skip"), options.get("unknown", "reject")
        self.into = self._place(options.get("into") or "")
        self._check_rights()
        allowed = {target.key: target for target in self.importer.allowed_targets(user)}
        if within:
            allowed = {key: replace(one, label=within.prefix + one.label) for key, one in allowed.items()}
        mapping = options.get("mapping") or {}
        if strange := [key for key in mapping if key not in allowed]:
            raise Invalid(f"不能导入这些字段：{'、'.join(strange)}")
        offered = list(allowed.values())
        given = {within.link} if within else set()
        required = [target for target in targets.required(offered, module) if target.key not in given]
        missing = [target.label for target in required if target.key not in mapping]
        if missing:
            raise Invalid(f"请先对应必填的字段：{'、'.join(missing)}")
        self.mapping = {key: int(column) for key, column in mapping.items()}
        self.targets = [allowed[key] for key in mapping if allowed[key].companion is None]
        self.forbids = self.importer.forbids_duplicates()
        self._choose_key(offered, options.get("key") or keys.DEFAULT)
        self.demanded = [target for target in self.targets if targets.demanded(target, module)]
        self.unique = any(target.custom and target.custom.unique for target in self.targets)
        self.columns, self.attnames, self.changeable, self._shown = {}, {}, set(), {}
        for target in self.targets:
            field = self.field_of(target)
            self.columns[target.key] = (
                custom.column_for(target.custom)
                if target.custom
                else cells.column_for(
                    target, field, user=user, options={**options, "unknown": self.unknown, "module": module.name}
                )
            )
            self.attnames[target.key] = field.attname if field is not None else target.key
            if field is not None and not target.create:
                self.changeable.add(field.attname)
        self.companion = companions.plan_of(self, self.mapping, options)

    def _place(self, wanted: str) -> str:
        found = self.importer.into(self.user, wanted) if wanted else ("", "")
        if found is None:
            raise Invalid("您不能导入到那里，请从它的页面重新开始。")
        return found[0]

    def _check_rights(self) -> None:
        may, label = self.user.has_function, self.module.label
        if not may(f"{self.module.name}.import"):
            raise Invalid(f"您没有导入{label}的权限。")
        if self.mode not in MODES or self.unknown not in UNKNOWN:
            raise Invalid("导入选项无效。")
        if self.mode in ("overwrite", "fill") and not may(f"{self.module.name}.edit"):
            raise Invalid(f"“{MODES[self.mode]}”会修改已有的{label}，您没有编辑{label}的权限。")

    def _choose_key(self, offered, name: str) -> None:
        """`key` decides whether a row is a record that exists; `guarded` = the module's own key must stay unique besides."""
        offered = {key.name: key for key in keys.offered(self.importer, offered)}
        self.own_key, self.key = offered.get(keys.DEFAULT), offered.get(name)
        if self.key is None:
            raise Invalid("不能按所选的字段判断重复，请重新选择。")
        own = self.key == self.own_key
        self.keyed = bool(self.key.fields) and all(key in self.mapping for key in self.key.targets)
        if not self.keyed and not own:
            raise Invalid(f"要按“{self.key.label}”判断重复，请先对应这个字段。")
        self.guarded = self.forbids and not own and self.own_key is not None

    @property
    def strict(self) -> bool:
        """Whether 新建 looks for duplicates all the same, because a second record with the key is impossible."""
        return self.forbids and not self.guarded

    def field_of(self, target) -> models.Field | None:
        return field_of(self.module, target)

    def display(self, field, value) -> str:
        """A value as the log shows it; labels of relations are looked up once."""
        if not field.is_relation:
            return services.display(field, value)
        if (field.attname, value) not in self._shown:
            self._shown[field.attname, value] = services.display(field, value)
        return self._shown[field.attname, value]

    def prepare(self, rows: list[tuple[int, list[str], int]]) -> "Chunk":
        """Check a stretch of rows, column by column; touches no table but those looked up."""
        chunk = Chunk(self, [number for number, _, _ in rows])
        for target in self.targets:
            place = self.mapping[target.key]
            texts = [row[place] if place < len(row) else "" for _, row, _ in rows]
            values, faults = self.columns[target.key].read(texts)
            chunk.values[self.attnames[target.key]] = values
            for row, fault in faults:
                chunk.fail(row, target.label, fault)
        self.importer.rows(chunk)
        if self.module.owned and "owner_id" not in chunk.values:
            chunk.values["owner_id"] = [self.user.pk] * len(chunk)
        if self.companion:
            chunk.companion = companions.prepare(self.companion, chunk, rows)
        chunk.lines = self._search_lines(chunk)
        return chunk

    def _search_lines(self, chunk) -> list[list[tuple[str, str]]]:
        """The search lines of every row."""
        columns = [
            (key, [chunk.values[name] for name in names if name in chunk.values])
            for key, names in self.module.search.items()
        ]
        return [
            []
            if row in chunk.faults
            else search.rows_for({key: [column[row] for column in found] for key, found in columns})
            for row in range(len(chunk))
        ]

    @property
    def independent(self) -> bool:
        """Whether a chunk depends on nothing of the one before but its keys."""
        relations = any(isinstance(column, cells.Relation) for column in self.columns.values())
        alone = not self.companion and self.key == self.own_key
        alone = alone and not self.importer.compares()
        return self.mode in ("skip", "create") and not relations and not self.unique and alone


class Chunk:
    """Checked rows: `values` = {model attribute: column of values}, `faults` = {row: [[label, sentence], ...]}."""

    def __init__(self, plan: Plan, numbers: list[int]):
        self.plan, self.numbers = plan, numbers
        self.values: dict[str, list] = {}
        self.faults: dict[int, list] = defaultdict(list)
        self.doubts: dict[int, list[str]] = {}
        self.taken: set[tuple] = set()  # keys of earlier rows another lane is still writing
        self.lines: list[list[tuple[str, str]]] = []
        self.companion: Chunk | None = None
        self.present: set[int] = set()  # of a companion: the rows that have one

    def __len__(self) -> int:
        return len(self.numbers)

    def fail(self, row: int, label: str, sentence: str) -> None:
        self.faults[row].append([label, sentence])

    def doubt(self, row: int, sentence: str) -> None:
        """The row is written, and the result says what is odd about it."""
        self.doubts.setdefault(row, []).append(sentence)

    def good(self) -> list[int]:
        """Rows without a fault, in order."""
        return [row for row in range(len(self)) if row not in self.faults] if self.faults else list(range(len(self)))


def field_of(module, target) -> models.Field | None:
    """The model field a target fills, None where only Importer.rows reads it."""
    name = target.key if target.field is None else target.field
    return module.model._meta.get_field(name) if name else None


def stretches(source: str, *, offset: int, size):
    """Rows of an accepted file in stretches of `size()` rows from a byte offset on."""
    reader = upload.lines(source, offset=offset)
    while rows := list(islice(reader, size())):
        yield rows
