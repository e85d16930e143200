"""Which rows of a list stand on the page: neighbours by keyset, the last page from the other end, a jump by offset."""

from .. import formatting, params, scope
from ..listquery import pack, unpack

SIZES = (15, 30, 50, 100)
SLOW_COUNT = scope.COUNT_CAP


class Paging:
    """The part of ListView that finds a page; needs `request`, `state` (ListQuery) and `views` (saved.Views)."""

    def size(self) -> int:
        wanted = self.request.GET.get("size", "")
        if wanted.isdigit() and int(wanted) in SIZES:
            return int(wanted)
        saved = self.state.saved
        return (saved and saved.size) or self.views.size or params.get("page_size")

    def paginate(self):
        """What `pager` needs, and the ids of the page. Neighbouring pages by keyset, the last page from the other end, a jump by
        offset over ids only."""
        state, size, data = self.state, self.size(), self.request.GET
        count = scope.capped_count(state.rows)
        exact = count <= SLOW_COUNT
        pages = max(1, -(-count // size)) if exact else None
        page, error = self.wanted_page(pages)
        if state.custom_sort is not None:
            return self.by_offset(page, pages, count, exact, error)
        field = state.module.model._meta.get_field(state.sort_field)
        seek = {"field": state.sort_field, "descending": state.descending, "limit": size}
        backwards = {**seek, "descending": not state.descending}
        if data.get("page") == "last":
            total = count if exact else state.total()
            pages, exact, count = max(1, -(-total // size)), True, total
            page = pages
            rest = total - (pages - 1) * size if total else 0
            ids = list(reversed(scope.top_ids(state.rows, **{**backwards, "limit": rest or 1})))
        elif position := (data.get("after") and unpack(data["after"], field)):
            ids = scope.top_ids(scope.after(state.rows, state.sort_field, state.descending, *position), **seek)
        elif position := (data.get("before") and unpack(data["before"], field)):
            ids = list(
                reversed(
                    scope.top_ids(
                        scope.after(state.rows, state.sort_field, not state.descending, *position), **backwards
                    )
                )
            )
        else:
            offset = (page - 1) * size
            if offset and not exact:
                total = state.total() if offset > 100_000 else None
                if total is not None and offset >= total:
                    pages = max(1, -(-total // size))
                    page, error = pages, f"请输入 1 到 {pages:,} 之间的页码"
                    offset = (page - 1) * size
                if total is not None and offset > total // 2:
                    ids = list(
                        reversed(
                            scope.top_ids(
                                state.rows,
                                **{**backwards, "limit": min(size, total - offset)},
                                offset=max(0, total - offset - size),
                            )
                        )
                    )
                else:
                    ids = scope.top_ids(state.rows, **seek, offset=offset)
            else:
                ids = scope.top_ids(state.rows, **seek, offset=offset)
        return {"ids": ids, "page": page, "pages": pages, "size": size, "count": count, "exact": exact, "error": error}

    def by_offset(self, page, pages, count, exact, error):
        """A page in the order of a custom field: by number, because values may be absent."""
        state, size = self.state, self.size()
        if self.request.GET.get("page") == "last":
            count = count if exact else state.total()
            exact, pages = True, max(1, -(-count // size))
            page = pages
        start = (page - 1) * size
        ids = list(state.ordered(state.rows).values_list("pk", flat=True)[start : start + size])
        return {"ids": ids, "page": page, "pages": pages, "size": size, "count": count, "exact": exact, "error": error}

    def wanted_page(self, pages):
        text = self.request.GET.get("page", "1")
        if text == "last":
            return pages or 1, ""
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
        if number < 1 or (pages and number > pages):
            limit = f"{pages:,}" if pages else "末页"
            return 1, f"请输入 1 到 {limit} 之间的页码"
        return number, ""

    def pager(self, records, *, page, pages, size, count, exact, error) -> dict:
        state, base = self.state, self.request.path
        edges = (
            {
                name: pack(getattr(record, state.sort_field), record.pk)
                for name, record in zip(("first", "last"), (records[0], records[-1]), strict=True)
            }
            if records and state.custom_sort is None
            else {}
        )
        more = (page < pages) if pages else len(records) == size
        return {
            "count": count,
            "count_text": f"共 {formatting.count(count)} 条" if exact else f"{scope.COUNT_CAP:,}+ 条",
            "count_url": None if exact else f"{base}?{state.link(count='exact')}",
            "page": page,
            "pages": pages,
            "size": size,
            "sizes": SIZES,
            "first_url": f"{base}?{state.link()}" if page > 1 else None,
            "prev_url": f"{base}?{state.link(page=page - 1, before=edges.get('first'))}"
            if page > 1 and records
            else None,
            "next_url": f"{base}?{state.link(page=page + 1, after=edges.get('last'))}" if records and more else None,
            "last_url": f"{base}?{state.link(page='last')}" if more else None,
            "jump": {
                "action": base,
                "hidden": [(k, v) for k, v in self.request.GET.items() if k not in ("page", "after", "before")],
            },
            "jump_error": error,
        }
