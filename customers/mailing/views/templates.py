"""/mailings/templates/: prepared letters, one's own and the company's."""

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.views.decorators.http import require_http_methods, require_safe

from crm.records import modules
from orgs.views.base import done, errors_of, move_errors, render_page

from ...models import MailTemplate
from .. import merge, services

TEMPLATES = "/mailings/templates/"
CRUMB = {"label": "邮件模板", "list_url": TEMPLATES}
NEEDS = ("customer.mail", "contact.mail", "admin.settings")


def check(request) -> None:
    """Templates are for those who write to customers, and for those who keep the company's."""
    if not any(request.user.has_function(function) for function in NEEDS):
        raise PermissionDenied("您的角色没有“发送邮件”权限。")


class TemplateForm(forms.Form):
    """Name, subject, text; `company` for holders of 系统设置."""

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("name", "subject", "body"):
            self.fields[name] = MailTemplate._meta.get_field(name).formfield()
            self.fields[name].widget.attrs["data-wide"] = ""
        self.fields["body"].widget.attrs["rows"] = 12
        for name in ("subject", "body"):
            self.fields[name].widget.attrs["data-merges"] = ""
        if user.has_function("admin.settings"):
            self.fields["company"] = forms.BooleanField(label="公司模板（所有能发邮件的人可以使用）", required=False)


@require_safe
def index(request):
    """/mailings/templates/"""
    check(request)
    admin = request.user.has_function("admin.settings")
    rows = list(services.templates_of(request.user))
    return render_page(
        request,
        "mailing/templates.html",
        {
            "rows": [{"row": row, "mine": row.owner_id is not None or admin} for row in rows],
        },
    )


def of(request, pk: int) -> MailTemplate:
    """A template the person may change: 404 for another's, 403 for the company's without 系统设置."""
    check(request)
    template = services.templates_of(request.user).filter(pk=pk).first()
    if template is None:
        raise Http404
    if template.owner_id is None and not request.user.has_function("admin.settings"):
        raise PermissionDenied("公司模板由有“系统设置”的人管理。")
    return template


@require_http_methods(["GET", "HEAD", "POST"])
def create(request):
    """/mailings/templates/new/"""
    check(request)
    return edited(request, MailTemplate(), "新建邮件模板")


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request, pk: int):
    """/mailings/templates/<pk>/"""
    return edited(request, of(request, pk), "修改邮件模板")


def edited(request, template: MailTemplate, heading: str):
    values = {name: getattr(template, name) for name in ("name", "subject", "body")} if template.pk else {}
    initial = {**values, "company": template.pk is not None and template.owner_id is None}
    form = TemplateForm(request.POST or None, user=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            services.save_template(template, data, company=data.pop("company", False), by=request.user)
            return done(request, TEMPLATES, "保存成功")
        except ValidationError as error:
            move_errors(form, error if not hasattr(error, "error_dict") else by_name(error))
    writes = modules.get("customer").may(request.user, "mail")
    context = {
        "form": form,
        "errors": errors_of(form) if form.is_bound else [],
        "heading": heading,
        "groups": merge.Fields("customer", request.user).grouped() if writes else [],
    }
    return render_page(request, "mailing/template.html", context, status=422 if form.errors else 200)


def by_name(error) -> ValidationError:
    """A clash of names stands at the name."""
    found = dict(error.error_dict)
    return ValidationError({("name" if key == "__all__" else key): texts for key, texts in found.items()})


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request, pk: int):
    """/mailings/templates/<pk>/delete/"""
    template = of(request, pk)
    if request.method == "POST":
        services.delete_template(template, by=request.user)
        return done(request, TEMPLATES, "删除成功")
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"删除模板“{template.name}”？",
            "body": "删除后不能恢复；已经发出的邮件不受影响。",
            "submit_label": "删除",
            "danger": True,
            "module": CRUMB,
            "back_url": TEMPLATES,
        },
    )
