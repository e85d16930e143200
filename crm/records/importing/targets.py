"""What a module declares to be importable: targets (one per field a column can fill) and the rules of its rows."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.utils.module_loading import import_string

from ..custom import definitions
from ..fields import name_key

PERSON, OWNER = "person", "owner"
_MARKED = re.compile(r"^[(\[【](必填|选填|\*)[)\]】]")


@dataclass(frozen=True)
class Target:
    """
    key       name of the target and, unless `field` says otherwise, of the model field
    field     model field whose `clean_value` checks the cells and whose column they fill; "" = read by Importer.rows only
    label     header of the template and of error lists; default the field's
    synonyms  other headers that mean it
    lookup    "owner" (reachable colleagues; empty = the importer), "person" (any employee), or
              f(user, texts) -> {text: id or sentence} for relations of the module's own
    function  function of the module one must hold to use it (history, cost)
    create    True: only for new records, never changes an existing one
    options   f() -> [text]: allowed values for the template where the field does not know them
    """

    key: str
    label: str = ""
    field: str | None = None
    synonyms: tuple[str, ...] = ()
    lookup: str | Callable = ""
    function: str = ""
    create: bool = False
    example: str = ""
    note: str = ""
    options: Callable | None = None
    custom: object = None  # the definition of a custom field
    companion: object = None  # the target of another module it fills (companions)


class Importer:
    """The declaration of one record type; subclasses add rules that span several columns."""

    module = ""
    targets: tuple[Target, ...] = ()
    key_label = ""  # the deciding fields, as the page prints them
    key_targets: tuple[str, ...] = ()  # targets that must be mapped for duplicates to be found
    duplicate_message = "已有相同的记录"
    other_keys: tuple = ()  # what may decide instead (keys.Key)
    companion = None  # records of another type in the same rows (companions.Companion)
    derived: frozenset[str] = frozenset()  # attributes `rows` computes that follow a changed record

    def refuse(self, record) -> tuple[str, str] | None:
        """(column, sentence) where an existing record may not be saved as the row would leave it."""
        return None

    def key_fields(self) -> tuple[str, ...]:
        """Model fields that decide whether a row is a record that exists; () = never."""
        return ()

    def forbids_duplicates(self) -> bool:
        """Whether a second record with the same key is impossible (then 新建 fails such rows)."""
        return False

    def rows(self, chunk) -> None:
        """Checks and values that need several columns: read and set `chunk.values`, report by `chunk.fail`."""

    def compares(self) -> bool:
        """Whether `judge` looks at records at all; then chunks are written one after the other, so that each meets the rows
        before it."""
        return False

    def judge(self, chunk, rows: list[int]) -> None:
        """Checks of rows that become records against those that exist, inside the transaction: `chunk.fail`, or `chunk.doubt` for
        what is written all the same and listed in the result."""

    def into(self, user, text: str) -> tuple[str, str] | None:
        """Where rows may go besides the importer's own records ("3" = a public pool): (what the plan keeps, its name), None for
        a place that is not this person's to fill."""
        return None

    def created(self, chunk, ids: list[int], job) -> None:
        """What else is written with new records; runs inside the transaction."""

    def before_create(self, chunk, rows: list[int]) -> None:
        """Values that depend on what stands in the tables when `rows` are created; runs inside the transaction."""

    def allowed_targets(self, user) -> list[Target]:
        """Targets this person may fill, in the company's words; then custom fields, then those of a companion."""
        from .. import fieldset, modules
        from ..tagging import importing as tagging
        from . import companions, custom

        module = modules.get(self.module)
        company, found = fieldset.of(module, user), []
        for target in self.targets:
            if target.function and not user.has_function(f"{self.module}.{target.function}"):
                continue
            if not company.editable(target.key) and target.lookup not in (OWNER, PERSON):
                continue
            label = company.label(target.key, target.label)
            if label != target.label:
                target = replace(target, label=label, synonyms=(*target.synonyms, target.label))
            found.append(target)
        own = [*found, *custom.targets_of(module, user), *tagging.targets_of(module, user)]
        return [*own, *companions.targets_of(self, user)]


def importer_of(module) -> Importer:
    """The importer a module declares (LookupError when it has none)."""
    if not module.importer:
        raise LookupError(f"{module.name} cannot be imported")
    found = import_string(module.importer)
    for target in found.targets:
        if not target.label:
            object.__setattr__(
                target, "label", str(module.model._meta.get_field(target.field or target.key).verbose_name)
            )
    return found


def required(offered: list[Target], module) -> list[Target]:
    """Those of the offered targets without which no row can be created."""
    found = [target for target in offered if demanded(target, module)]
    for target in offered:
        name = target.key if target.field is None else target.field
        if not name or target.lookup in (OWNER, PERSON):
            continue
        field = module.model._meta.get_field(name)
        if not field.null and not field.blank and not field.has_default() and target not in found:
            found.append(target)
    return found


def demanded(target: Target, module) -> bool:
    """Whether the company demands the field beyond its declaration."""
    if target.custom is not None:
        return target.custom.required
    return any(one.key == target.key and one.required for one in definitions.of(module.name))


def plain(header: str) -> str:
    """A header as it is compared: width, case, spaces, required marks and bracketed hints apart."""
    text = name_key(header)
    while True:
        bare = _MARKED.sub("", text).strip("*※:")
        for opening, closing in ("()", "[]", "【】"):
            if bare.endswith(closing) and opening in bare:
                bare = bare[: bare.rindex(opening)] or bare
        if not bare or bare == text:
            return text
        text = bare


def guess(headers: list[str], targets: list[Target], remembered: dict[str, str] | None = None) -> dict[str, int]:
    """{target key: column} for the headers: what the person chose last time first, then names, then synonyms."""
    remembered, found, taken = remembered or {}, {}, set()
    keys = {target.key for target in targets}

    def take(key: str, column: int) -> None:
        if key not in found and column not in taken:
            found[key] = column
            taken.add(column)

    for column, header in enumerate(headers):
        if header in remembered:
            if remembered[header] in keys:
                take(remembered[header], column)
            else:
                taken.add(column)  # left out on purpose
    names = [plain(header) for header in headers]

    def match(some: list[Target], words: Callable) -> None:
        for target in some:
            wanted = {plain(word) for word in words(target)}
            for column, name in enumerate(names):
                if name and name in wanted:
                    take(target.key, column)

    own = [target for target in targets if target.companion is None]
    theirs = [target for target in targets if target.companion is not None]
    match([*own, *theirs], lambda target: (target.label,))
    match(theirs[:1], lambda target: target.synonyms)
    if theirs and theirs[0].key in found:
        match(theirs, lambda target: target.synonyms)
    else:
        for target in theirs:
            taken.discard(found.pop(target.key, None))
    match(own, lambda target: target.synonyms)
    return found
