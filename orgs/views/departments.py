"""Departments: the tree and its forms."""

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_safe

from crm.records.views.base import render_page

from .. import services, tree
from ..forms import DepartmentForm
from ..models import Department
from .base import done, form_page, move_errors, needs, number

LIST = "/settings/departments/"
CRUMB = {"label": "部门", "list_url": LIST}


@require_safe
@needs("admin.org")
def index(request):
    """/settings/departments/: the whole tree."""
    nodes = tree.with_counts()
    return render_page(
        request,
        "orgs/departments.html",
        {"nodes": nodes, "people": sum(node.department.people for node in nodes), "nav_active": "settings"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def create(request):
    """/settings/departments/new/?parent=: a department below another."""
    parent = number(request.GET.get("parent"))
    department = Department()
    form = DepartmentForm(request.POST or None, instance=department, user=request.user, initial={"parent": parent})
    if request.method == "POST" and form.is_valid():
        try:
            services.create_department(form.instance, by=request.user)
            return done(request, LIST, f"已新建部门“{form.instance.name}”")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(request, form, heading="新建部门", sections=form.sections, crumb=CRUMB, back_url=LIST)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def edit(request, pk: int):
    """/settings/departments/<pk>/edit/"""
    department = get_object_or_404(Department, pk=pk)
    form = DepartmentForm(request.POST or None, instance=get_object_or_404(Department, pk=pk), user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_department(department, form.changed_values(), by=request.user)
            return done(request, LIST, "保存成功")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(
        request, form, heading=f"编辑部门“{department.name}”", sections=form.sections, crumb=CRUMB, back_url=LIST
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def delete(request, pk: int):
    """/settings/departments/<pk>/delete/: asks first; says what still stands inside."""
    department = get_object_or_404(Department, pk=pk)
    context = {
        "heading": f"删除部门“{department.name}”？",
        "body": "删除后不能恢复；有员工或下级部门的部门不能删除。",
        "submit_label": "删除部门",
        "danger": True,
        "module": CRUMB,
        "back_url": LIST,
        "nav_active": "settings",
    }
    if request.method == "POST":
        try:
            services.delete_department(department, by=request.user)
            return done(request, LIST, "删除成功")
        except ValidationError as error:
            return render_page(
                request,
                "orgs/refused.html",
                {**context, "heading": f"部门“{department.name}”不能删除", "reasons": error.messages},
                status=422,
            )
    return render_page(request, "records/confirm.html", context)
