"""What the targets are compared with: the plain ways of doing the same, written once and not tuned with the code."""

from django.db import connection


def like_list(rows, text: str, *, limit: int = 15, cap: int = 10_000):
    """A list searched by LIKE on the name: its first page and its capped count."""
    found = rows.filter(name__contains=text)
    ids = list(found.order_by("-created_at", "-pk").values_list("pk", flat=True)[:limit])
    return ids, found.order_by().values("pk")[: cap + 1].count()


def offset_page(rows, *, offset: int, limit: int = 15) -> list:
    """A page by plain OFFSET over whole rows."""
    return list(rows.order_by("-created_at", "-pk")[offset : offset + limit])


def exact_count(rows) -> int:
    return rows.order_by().count()


def page_by_id(ids: list[int], model) -> list:
    """Rows of known ids with their owner."""
    return list(model.objects.filter(pk__in=ids).select_related("owner"))


def explain(sql: str, values) -> dict:
    """The plan of a statement as it ran, with buffers."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values)
        return cursor.fetchone()[0][0]
