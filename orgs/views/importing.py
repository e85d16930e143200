"""Employees from a file; employees and departments into one."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm.records.views.base import render_page

from .. import sheets, tree
from ..forms import UploadForm
from ..models import Employee
from ..resources import DepartmentResource, EmployeeResource
from . import departments, employees
from .base import needs

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FAULTS_SHOWN = 100


def download(content: bytes, name: str):
    """A workbook under a Chinese name."""
    return HttpResponse(
        content, content_type=XLSX, headers={"Content-Disposition": content_disposition_header(True, name)}
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def import_employees(request):
    """/settings/employees/import/: all rows or none; the answer shows the new passwords once."""
    context = {
        "limit": sheets.ROWS,
        "columns": [f"{name}：{note}" for name, note in sheets.COLUMNS.items()],
        "nav_active": "settings",
    }
    if request.method != "POST":
        return render_page(request, "orgs/import.html", context)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return render_page(request, "orgs/import.html", {**context, "problem": form.errors["file"][0]}, status=422)
    try:
        outcome = sheets.import_employees(form.cleaned_data["file"], by=request.user)
    except ValidationError as error:
        return render_page(request, "orgs/import.html", {**context, "problem": "；".join(error.messages)}, status=422)
    if outcome.faults:
        return render_page(
            request,
            "orgs/import.html",
            {**context, "faults": outcome.faults[:FAULTS_SHOWN], "total_faults": len(outcome.faults)},
            status=422,
        )
    return employees.passwords_page(request, outcome.created, heading=f"已导入 {len(outcome.created)} 名员工")


@require_safe
@needs("admin.org")
def template(request):
    """/settings/employees/template/"""
    return download(sheets.template(), "员工导入模板.xlsx")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def export_employees(request):
    """/settings/employees/export/: everybody, disabled ones included."""
    rows = Employee.objects.select_related("department", "supervisor").prefetch_related("roles").order_by("pk")
    if request.method != "POST":
        context = {
            "heading": f"导出 {rows.count():,} 名员工？",
            "body": "包括已停用的员工，不含密码。导出会记入日志。",
            "module": employees.CRUMB,
            "nav_active": "settings",
        }
        return render_page(request, "orgs/export.html", context)
    content = sheets.export(EmployeeResource(), rows, title="员工", module="employee", by=request.user)
    return download(content, f"员工-{timezone.localdate():%Y%m%d}.xlsx")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def export_departments(request):
    """/settings/departments/export/"""
    rows = [node.department for node in tree.with_counts()]
    if request.method != "POST":
        context = {
            "heading": f"导出 {len(rows):,} 个部门？",
            "body": "按树的顺序，含上级部门和负责人。导出会记入日志。",
            "module": departments.CRUMB,
            "nav_active": "settings",
        }
        return render_page(request, "orgs/export.html", context)
    content = sheets.export(DepartmentResource(), rows, title="部门", module="department", by=request.user)
    return download(content, f"部门-{timezone.localdate():%Y%m%d}.xlsx")
