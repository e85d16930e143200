"""/price-lists/: price lists, their prices, their tables; /products/stock/: stock out of a table."""

from functools import wraps

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records import fieldset, modules, search
from crm.records.views.base import deny
from orgs import sheets
from orgs.forms import UploadForm
from orgs.views.base import Pager, done, form_page, move_errors, render_page

from .. import arithmetic
from ..lines import figures
from ..models import ListPrice, PriceList, Product
from ..services import MODES
from . import resources, services
from .forms import PriceForm, PriceListForm

LISTS = "/price-lists/"
CRUMB = {"label": "价格表", "list_url": LISTS}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FAULTS_SHOWN = 100


def needs(*actions: str):
    """The view is for holders of all of these functions of products."""

    def decorate(view):
        @wraps(view)
        def guarded(request, *args, **kwargs):
            module = modules.get("product")
            for action in ("view", *actions):
                if not module.may(request.user, action):
                    deny(module, action)
            fields = fieldset.of(module, request.user)
            if "price" in actions and not fields.readable("price"):
                raise PermissionDenied(f"您的角色看不到“{fields.label('price')}”，不能使用价格表。")
            return view(request, *args, **kwargs)

        guarded.functions = tuple(f"product.{action}" for action in actions)
        return guarded

    return decorate


def found(pk: int) -> PriceList:
    return get_object_or_404(PriceList.objects.prefetch_related("levels__level", "departments"), pk=pk)


@require_safe
@needs("price")
def index(request):
    """/price-lists/: in the order in which they are tried."""
    lists = list(PriceList.objects.prefetch_related("levels__level", "departments"))
    counts = dict(_counts())
    today = timezone.localdate()
    rows = [
        {
            "list": one,
            "whom": services.whom(one),
            "when": services.when(one),
            "count": counts.get(one.pk, 0),
            "state": _state(one, today),
            "first": place == 0,
            "last": place == len(lists) - 1,
        }
        for place, one in enumerate(lists)
    ]
    return render_page(request, "products/price_lists.html", {"rows": rows, "nav_active": "product"})


def _counts():
    rows = ListPrice.objects.filter(product__deleted_at=None).order_by().values("price_list")
    return rows.annotate(n=Count("pk")).values_list("price_list", "n")


def _state(one: PriceList, today) -> tuple[str, str]:
    """(word, dot)."""
    if not one.enabled:
        return "已停用", ""
    if one.ends_on and one.ends_on < today:
        return "已过期", ""
    if one.starts_on and one.starts_on > today:
        return "未开始", "k-dot-warning"
    return "使用中", "k-dot-success"


def _edited(request, price_list: PriceList, *, heading: str):
    form = PriceListForm(request.POST or None, instance=price_list, user=request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.keep(
                form.instance,
                levels=data["levels"],
                departments=list(data["departments"]),
                version=data["version"] or 0,
                by=request.user,
            )
        except services.Stale:
            form.add_error(None, "您打开之后有人修改了这个价格表，请返回后重新打开；您填的内容还在这里。")
        except ValidationError as error:
            move_errors(form, error)
        else:
            return done(request, f"{LISTS}{form.instance.pk}/", "保存成功")
    return form_page(
        request, form, heading=heading, sections=form.sections, crumb=CRUMB, back_url=LISTS, nav_active="product"
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price")
def create(request):
    """/price-lists/new/"""
    return _edited(request, PriceList(), heading="新增价格表")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price")
def edit(request, pk: int):
    """/price-lists/<pk>/edit/"""
    price_list = found(pk)
    return _edited(request, price_list, heading=f"修改价格表“{price_list.name}”")


@require_POST
@needs("price")
def act(request, pk: int, key: str):
    """POST /price-lists/<pk>/<on, off, up or down>/"""
    price_list = found(pk)
    if key in ("on", "off"):
        try:
            services.switch(price_list, key == "on", by=request.user)
        except ValidationError:
            raise Http404 from None  # deleted meanwhile
    elif key in ("up", "down"):
        services.shift(price_list, -1 if key == "up" else 1, by=request.user)
    else:
        raise Http404
    return done(request, LISTS, "操作成功")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price")
def delete(request, pk: int):
    """/price-lists/<pk>/delete/"""
    price_list, trouble = found(pk), ""
    if request.method == "POST":
        try:
            services.delete(price_list, by=request.user)
            return done(request, LISTS, "删除成功")
        except ValidationError as error:
            trouble = "；".join(error.messages)
    count = price_list.prices.count()
    return _confirm(
        request,
        heading=f"删除价格表“{price_list.name}”？",
        body=trouble or f"其中 {count:,} 个产品的价格一并删除。已经写进商机的价格不变。",
        submit_label="删除",
        danger=True,
        back_url=LISTS,
        status=422 if trouble else 200,
    )


def _confirm(request, *, status: int = 200, **context):
    page = {"module": CRUMB, "nav_active": "product", "danger": False, **context}
    return render_page(request, "records/confirm.html", page, status=status)


# Prices of a list -----------------------------------------------------------------------------------------------------
@require_safe
@needs("price")
def detail(request, pk: int):
    """/price-lists/<pk>/?q=: the products in it."""
    price_list = found(pk)
    module, q = modules.get("product"), request.GET.get("q", "").replace("\x00", "").strip()[:100]
    rows = Product.objects.allowed(request.user, "view")
    if q:
        rows = search.narrow(rows, module, q, user=request.user)
    pager = Pager(request, _priced(rows, price_list).filter(list_price__isnull=False).order_by("name", "pk"), size=30)
    return render_page(
        request,
        "products/price_list.html",
        {
            "list": price_list,
            "whom": services.whom(price_list),
            "when": services.when(price_list),
            "state": _state(price_list, timezone.localdate()),
            "rows": [{"product": one, "off": _off(one)} for one in pager.rows],
            "pager": pager.context(),
            "q": q,
            "nav_active": "product",
        },
    )


def _priced(rows, price_list: PriceList):
    own = ListPrice.objects.filter(price_list=price_list, product=OuterRef("pk")).values("price")[:1]
    return rows.annotate(list_price=Subquery(own)).select_related("unit")


def _off(product) -> str:
    percent = arithmetic.discount_of(product.price, product.list_price)
    return f"{figures.plain(percent)}%" if percent else ""


def _price_form(request, price_list: PriceList, product: Product | None):
    form = PriceForm(request.POST or None, user=request.user, price_list=price_list, product=product)
    back = f"{LISTS}{price_list.pk}/"
    if request.method == "POST" and form.is_valid():
        chosen = product or form.cleaned_data["product"]
        try:
            services.set_prices(price_list, {chosen.pk: form.cleaned_data["price"]}, by=request.user)
        except ValidationError as error:
            move_errors(form, error)
        else:
            return done(request, back, "保存成功")
    return _confirm(
        request,
        heading=f"“{price_list.name}”的价格",
        body=f"{product.name}（{product.code}），标准价 {product.price:,}" if product else "",
        submit_label="保存",
        fields=form,
        back_url=back,
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price")
def price_new(request, pk: int):
    """/price-lists/<pk>/prices/new/"""
    return _price_form(request, found(pk), None)


def _product(request, price_list: PriceList, pk: int) -> Product:
    rows = Product.objects.allowed(request.user, "view")
    return get_object_or_404(rows.filter(pk__in=price_list.prices.values("product")), pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price")
def price(request, pk: int, product: int):
    """/price-lists/<pk>/prices/<product>/"""
    price_list = found(pk)
    return _price_form(request, price_list, _product(request, price_list, product))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price")
def price_remove(request, pk: int, product: int):
    """/price-lists/<pk>/prices/<product>/remove/"""
    price_list = found(pk)
    one = _product(request, price_list, product)
    if request.method == "POST":
        try:
            services.set_prices(price_list, {one.pk: None}, by=request.user)
        except ValidationError:
            raise Http404 from None  # the list was deleted meanwhile
        return done(request, f"{LISTS}{pk}/", "删除成功")
    return _confirm(
        request,
        heading=f"把“{one.name}”移出“{price_list.name}”？",
        body="之后按标准价。已经写进商机的价格不变。",
        submit_label="移出",
        danger=True,
        back_url=f"{LISTS}{pk}/",
    )


# Tables ---------------------------------------------------------------------------------------------------------------
def _download(content: bytes, name: str):
    return HttpResponse(
        content, content_type=XLSX, headers={"Content-Disposition": content_disposition_header(True, name)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price", "export")
def export(request, pk: int):
    """/price-lists/<pk>/export/: the prices of the list, or (all=1) every product on the shelf, to be filled in."""
    price_list, everything = found(pk), request.GET.get("all") == "1"
    rows = _priced(Product.objects.allowed(request.user, "export"), price_list).order_by("code", "pk")
    rows = rows.filter(on_shelf=True) if everything else rows.filter(list_price__isnull=False)
    if request.method != "POST":
        return render_page(
            request,
            "orgs/export.html",
            {
                "heading": f"导出 {rows.count():,} 个产品的价格？",
                "body": "产品编码、名称、标准价和价格，改好价格后可以再导入。导出会记入日志。",
                "module": {"label": price_list.name, "list_url": f"{LISTS}{pk}/"},
                "nav_active": "product",
            },
        )
    content = sheets.export(
        resources.PriceResource(by=request.user),
        list(rows),
        title="价格表",
        module="price_list",
        by=request.user,
        filter=price_list.name,
    )
    return _download(content, f"价格表-{price_list.name}-{timezone.localdate():%Y%m%d}.xlsx")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("price", "import")
def import_table(request, pk: int):
    """/price-lists/<pk>/import/"""
    price_list = found(pk)
    back = f"{LISTS}{pk}/"
    context = {
        "heading": f"导入价格：{price_list.name}",
        "crumbs": [("价格表", LISTS), (price_list.name, back)],
        "columns": [
            "产品编码：必填，已有产品的编码",
            "价格：必填，最多两位小数；其他列不读取",
            "文件里没有的产品，价格不变",
        ],
        "template_url": f"{back}export/?all=1",
        "back_url": back,
        "what": "价格",
    }
    return _table(request, context, lambda file: resources.import_prices(price_list, file, by=request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("import")
def stock(request):
    """/products/stock/: 产品编码 and 库存."""
    fields = fieldset.of(modules.get("product"), request.user)
    if not fields.editable("stock"):
        raise PermissionDenied(f"您的角色不能修改“{fields.label('stock')}”。")
    mode = request.POST.get("mode", "set")
    if mode not in dict(MODES):
        raise PermissionDenied("请选择导入方式。")
    context = {
        "heading": "导入库存",
        "crumbs": [("产品", "/products/")],
        "columns": [
            "产品编码：必填，已有产品的编码",
            "库存：必填，最多四位小数；增减时可以写负数，结果不能小于 0",
            "文件里没有的产品，库存不变",
        ],
        "modes": [(key, label, key == mode) for key, label in MODES],
        "back_url": "/products/",
        "what": "库存",
    }
    return _table(request, context, lambda file: resources.import_stock(file, mode=mode, by=request.user))


def _table(request, context: dict, take):
    """Upload, check and write a table; with faults nothing is written and they are listed."""
    page = {"limit": resources.ROWS, "nav_active": "product", **context}

    def show(status: int = 200, **more):
        return render_page(request, "products/table_import.html", {**page, **more}, status=status)

    if request.method != "POST":
        return show()
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return show(422, problem=form.errors["file"][0])
    try:
        outcome = take(form.cleaned_data["file"])
    except ValidationError as error:
        return show(422, problem="；".join(error.messages))
    if outcome.faults:
        return show(422, faults=outcome.faults[:FAULTS_SHOWN], total_faults=len(outcome.faults))
    same = outcome.rows - outcome.changed
    text = f"已更新 {outcome.changed:,} 个产品的{context['what']}" + (f"，{same:,} 个没有变化" if same else "")
    return done(request, context["back_url"], text)
