"""P8 to P10: the count, the deep pages and the search of a long list."""

import statistics

from django.core.cache import cache
from django.test import RequestFactory

from crm.records import modules, saved, scope, search
from crm.records.listquery import ListQuery, pack
from crm.records.views.listing import ListView
from customers.models import Customer
from orgs.models import Employee, Role

from . import Options, Result, medians, ms, need_customers, target, timed
from .baselines import exact_count, like_list, offset_page
from .databases import need_postgresql
from .scopes import with_role

PAGE, SIZE = 50_000, 15
COMMON = ["有限", "公司", "科技", "上海", "苏州", "贸易", "实业", "电子", "机械", "信息"]
ABSENT = ["熊猫", "孔雀", "蜻蜓", "蝴蝶", "麒麟", "葡萄", "柠檬", "橘子", "咖啡", "琥珀"]


def sees_everything() -> Employee:
    return with_role(Employee.objects.select_related("department").order_by("pk").first(), Role.Reach.ALL)


@target("P8")
def p8(options: Options) -> Result:
    need_customers(options, 1_000_000)
    rows = Customer.objects.allowed(sees_everything(), "view")
    capped, exact = medians(lambda: scope.capped_count(rows), lambda: exact_count(rows))
    return Result(
        "P8",
        capped / exact,
        "<= 0.05",
        "×",
        f"count up to 10,000 ({ms(capped)}) against the exact count ({ms(exact)}) of {exact_count(rows):,} visible customers",
    )


def show(user: Employee, query: dict, factory=RequestFactory()) -> list:  # noqa: B008
    """The rows of a list page as the view finds them: count, ids, rows; without the template."""
    view = ListView(module_name="customer")
    view.request, view.user, view.module, view.views = (
        factory.get("/customers/", query),
        user,
        modules.get("customer"),
        saved.Views(modules.get("customer"), user),
    )
    view.state = ListQuery(view.module, user, view.request.GET)
    columns = [column for column in view.module.columns if column.default]
    return view.fetch(view.paginate()["ids"], columns)


@target("P9")
def p9(options: Options) -> Result:
    need_customers(options, 1_000_000)
    user = sees_everything()
    rows = Customer.objects.allowed(user, "view")
    total = exact_count(rows)
    page = min(PAGE, total // SIZE - 1)
    depth = (page - 1) * SIZE
    before = rows.order_by("-created_at", "-pk").values_list("created_at", "pk")[depth - 1]
    query = {"page": str(page), "after": pack(*before)}
    first, following, last, jump, plain = medians(
        lambda: show(user, {}),
        lambda: show(user, query),
        lambda: show(user, {"page": "last"}),
        lambda: show(user, {"page": str(page)}),
        lambda: offset_page(rows, offset=depth),
        rounds=5,
    )
    cold = statistics.median(timed(lambda: cache.clear() or show(user, {"page": str(page)})) for _ in range(5))
    same = (
        [row.pk for row in show(user, query)]
        == [row.pk for row in offset_page(rows, offset=depth)]
        == [row.pk for row in show(user, {"page": str(page)})]
    )
    return Result(
        "P9",
        max(following, last) / first,
        "<= 2",
        "×",
        f"page {page:,} by 下一页 {ms(following)} and the last one by 末页 {ms(last)} against page 1 {ms(first)}; 跳转 to depth {depth:,} {ms(jump)} against plain "
        f"OFFSET {ms(plain)} ({jump / plain:.3f} ×, must be <= 0.1; {ms(cold)} where nobody counted the rows within the last minute); same rows: {'yes' if same else 'NO'}",
        also=same and jump / plain <= 0.1,
    )


def middling(number: int) -> list[str]:
    """Brands of customers taken at even distances: pairs of characters that some have."""
    last = Customer.objects.order_by("-pk").values_list("pk", flat=True)[0]
    found = []
    for place in range(number * 3):
        name = (
            Customer.objects.filter(pk__gte=last * place // (number * 3) + 1, name__endswith="公司")
            .order_by("pk")
            .values_list("name", flat=True)
            .first()
        )
        pair = name[2:4] if name else ""
        if len(pair) == 2 and pair not in found and pair not in COMMON:
            found.append(pair)
    return found[:number]


@target("P10")
def p10(options: Options) -> Result:
    need_postgresql()
    need_customers(options, 1_000_000)
    module = modules.get("customer")
    rows = Customer.objects.allowed(sees_everything(), "view")

    def ours(text):
        found = search.narrow(rows, module, text, user=None)
        return scope.top_ids(found, field="created_at", descending=True, limit=SIZE), scope.capped_count(found)

    ratios, spent = {}, {}
    groups = {"common": COMMON, "middling": middling(10), "absent": ABSENT}
    for pairs in groups.values():
        for text in pairs:
            spent[text] = medians(lambda text=text: ours(text), lambda text=text: like_list(rows, text), rounds=5)
            ratios[text] = spent[text][0] / spent[text][1]
    words = "; ".join(
        f"{group} {ms(statistics.median(spent[text][0] for text in pairs))} against {ms(statistics.median(spent[text][1] for text in pairs))}"
        for group, pairs in groups.items()
        if pairs
    )
    return Result(
        "P10",
        statistics.median(ratios.values()),
        "<= 0.0667",
        "×",
        f"first page and count of the quick search (names, contacts, initials, phones) against LIKE on the name alone, {len(ratios)} pairs of characters, {Customer.objects.count():,} "
        f"customers: {words}",
    )
