"""导出记录: who took what out of the system, with which conditions, and whether the file is still there."""

from urllib.parse import parse_qsl

from django.utils import timezone
from django.views.decorators.http import require_safe
from django_filters import ChoiceFilter

from crm.records import modules
from crm.records.custom import definitions
from crm.records.filters import STATE, DictionaryFilter, OwnerFilter
from crm.records.models import DictionaryItem, ExportLedger
from crm.records.views.base import render_page

from .. import people
from ..models import Employee
from .base import Pager, needs
from .logs import between

# What is exported besides records.
OTHERS = {
    "followup": "跟进记录",
    "quotation": "报价单",
    "employee": "员工",
    "department": "部门",
    "price_list": "价格表",
    "opportunity_lines": "商机产品明细",
}
SELECTED = "所选的记录"
WORDS = {"q": "搜索", "view": "视图"}


@require_safe
@needs("admin.log")
def index(request):
    """/settings/exports/?q=&module=&from=&until="""
    data = request.GET
    rows, notices = between(ExportLedger.objects.select_related("user", "job").order_by("-pk"), data)
    q = data.get("q", "").replace("\x00", "").strip()[:100]
    if q:
        rows = rows.filter(user__in=people.find(Employee.objects.all(), q))
    labels = {module.name: module.label for module in modules.ordered()} | OTHERS
    if data.get("module") in labels:
        rows = rows.filter(module=data["module"])
    elif data.get("module"):
        notices.append("忽略了无法识别的模块")
    pager = Pager(request, rows.defer("ids"), size=30)
    found = list(pager.rows)
    names = Names(found)
    return render_page(
        request,
        "orgs/exports.html",
        {
            "rows": [_row(row, labels, names) for row in found],
            "pager": pager.context(),
            "q": q,
            "modules": labels.items(),
            "data": data,
            "notices": list(dict.fromkeys(notices)),
            "nav_active": "settings",
        },
    )


def _row(row, labels, names) -> dict:
    job = row.job
    there = job is not None and job.output and (job.expires_at is None or job.expires_at > timezone.now())
    fields = names.fields(row)
    return {
        "at": row.created_at,
        "user": row.user,
        "module": labels.get(row.module, row.module),
        "conditions": names.conditions(row),
        "fields": fields,
        "count": row.count,
        "job": row.job_id,
        "file": job.output_name if job is not None else "",
        "until": job.expires_at if there else None,
        "there": there,
    }


class Names:
    """The words behind the keys and ids of the rows on one page, read at once for all of them."""

    def __init__(self, rows):
        items, employees = set(), set()
        for row in rows:
            declared = self._declared(row.module)
            for key, value in parse_qsl(row.filter):
                if value.isascii() and value.isdigit() and len(value) < 19:
                    if isinstance(declared.get(key), DictionaryFilter):
                        items.add(int(value))
                    elif isinstance(declared.get(key), OwnerFilter):
                        employees.add(int(value))
        self.items = dict(DictionaryItem.objects.filter(pk__any=items).values_list("pk", "label")) if items else {}
        self.people = dict(Employee.objects.filter(pk__any=employees).values_list("pk", "name")) if employees else {}
        self.stamp = definitions.version()

    @staticmethod
    def _declared(name: str) -> dict:
        module = modules.ALL.get(name)
        return module.filter_class.base_filters if module else {}

    def fields(self, row) -> list[str]:
        """The exported fields by their labels; fields that are gone by their keys."""
        module = modules.ALL.get(row.module)
        if module is None:
            return [str(field) for field in row.fields]
        custom = definitions.custom(module.name, self.stamp)
        changed = {one.key: one.label for one in definitions.of(module.name, self.stamp) if one.builtin and one.label}
        known = {column.key: column.label for column in module.columns} | changed
        return [known.get(key) or (custom[key].label if key in custom else key) for key in row.fields]

    def conditions(self, row) -> list[tuple[str, str]]:
        """[(label, value)] of the conditions the rows were chosen by; [] = all the person could export."""
        if row.job is not None and row.job.params.get("ids") is not None:
            return [(SELECTED, "")]
        module, declared = modules.ALL.get(row.module), self._declared(row.module)
        found = [tuple(pair) for pair in row.words]
        for key, value in parse_qsl(row.filter):
            if key == "view" and module is not None:
                view = next((one for one in module.views if one.key == value), None)
                if view is not None and view is not module.views[0]:
                    found.append((WORDS[key], view.label))
            elif key in WORDS:
                found.append((WORDS[key], value))
            elif key not in STATE:
                one = declared.get(key)
                found.append((str(one.label) if one is not None else key, self._value(one, value)))
        return found

    def _value(self, one, value: str) -> str:
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
        if isinstance(one, DictionaryFilter):
            return self.items.get(number, value)
        if isinstance(one, OwnerFilter):
            return self.people.get(number, value)
        if isinstance(one, ChoiceFilter):
            choices = one.extra.get("choices", ())
            return dict(choices() if callable(choices) else choices).get(value, value)
        return value
