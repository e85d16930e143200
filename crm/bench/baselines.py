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


def read_and_copy(path: str, columns: list[tuple[str, dict | None]], constants: dict) -> int:
    """Import without any check: read the sheet, COPY its cells as they are into the customer table. `columns` = attribute and
    {label: id} of each column of the file; `constants` = what the table demands besides."""
    import python_calamine

    from customers.models import Customer

    quote = connection.ops.quote_name
    names = [Customer._meta.get_field(name).column for name, _ in columns] + list(constants)
    table = quote(Customer._meta.db_table)
    rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows()
    next(rows)
    rest, count = tuple(constants.values()), 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(map(quote, names))}) FROM STDIN") as copy,
    ):
        for row in rows:
            cells = [ids.get(cell) if ids else cell for cell, (_, ids) in zip(row, columns, strict=True)]
            copy.write_row((*cells, *rest))
            count += 1
    return count


def import_export_loop(columns: list[str], rows: list[tuple]) -> int:
    """The default way of django-import-export: a ModelResource, row by row; cells that are related rows given as ids."""
    import tablib
    from import_export.resources import modelresource_factory

    from customers.models import Customer

    resource = modelresource_factory(Customer)()
    result = resource.import_data(tablib.Dataset(*rows, headers=columns), dry_run=False, raise_errors=True)
    return result.total_rows


def openpyxl_file(path: str, heads: list[str], rows: list[tuple]) -> None:
    """Rows that are in memory into an .xlsx by openpyxl's write-only mode."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("客户")
    sheet.append(heads)
    for row in rows:
        sheet.append(row)
    book.save(path)
