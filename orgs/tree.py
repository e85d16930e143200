"""Reading the department tree: order, depth and the way down as text, all from one query."""

from dataclasses import dataclass, field

from django.db.models import Count, Q

from crm.records import search

from .models import Department


@dataclass
class Node:
    """A department in tree order; `depth` 0 is the top, `names` the way down to it."""

    department: Department
    depth: int
    names: tuple[str, ...]
    children: list = field(default_factory=list)

    @property
    def way(self) -> str:
        """Ancestors without the top one: 华东销售部 / 苏州组."""
        return " / ".join(self.names[1:] or self.names)


def nodes(rows=None) -> list[Node]:
    """Every department, parents before children, siblings by their order."""
    rows = list(Department.objects.all() if rows is None else rows)
    by_parent: dict[int | None, list] = {}
    for row in rows:
        by_parent.setdefault(row.parent_id, []).append(row)
    found, stack = [], [(row, 0, ()) for row in reversed(by_parent.get(None, []))]
    while stack:
        row, depth, above = stack.pop()
        names = (*above, row.name)
        found.append(Node(row, depth, names))
        stack += [(child, depth + 1, names) for child in reversed(by_parent.get(row.pk, []))]
    return found


def with_counts() -> list[Node]:
    """The tree with `department.people`: active employees directly in each department."""
    active = Count("employees", filter=Q(employees__is_active=True))
    return nodes(Department.objects.select_related("manager").annotate(people=active))


def ways() -> dict[int, str]:
    """{id: way down} of every department."""
    return {node.department.pk: node.way for node in nodes()}


def name_of(department) -> str:
    """The way down to one department."""
    ids = [int(part) for part in department.path.strip("/").split("/") if part]
    names = Department.objects.in_bulk(ids)
    parts = [names[pk].name for pk in ids if pk in names]
    return " / ".join(parts[1:] or parts)


def pick(typed: str, limit: int = 50) -> list[dict]:
    """Rows of a picker: departments whose name or initials match, with the department above as second line."""
    text = search.normal(typed)[:100]
    rows = []
    for node in nodes():
        name = search.normal(node.department.name)
        if (
            not text
            or text in name
            or (text.isascii() and any(text in letters for letters in search.initials(name).split()))
        ):
            rows.append({"id": node.department.pk, "text": node.department.name, "sub": " / ".join(node.names[:-1])})
            if len(rows) == limit:
                break
    return rows
