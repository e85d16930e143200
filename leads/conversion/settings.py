"""/settings/conversion/: where the fields of a lead go."""

from django.core.exceptions import ValidationError
from django.views.decorators.http import require_http_methods

from orgs.views.base import done, form_page, move_errors, needs

from . import mapping
from .forms import MappingForm

PAGE = "/settings/conversion/"
STALE = "打开页面之后，别人保存过对应关系。下面是现在的，请重新修改。"


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def page(request):
    """A select for each field of leads."""
    row = mapping.load()
    form = MappingForm(request.POST or None, user=request.user, row=row)
    if request.method == "POST" and form.is_valid():
        try:
            mapping.save(form.chosen(), version=form.cleaned_data["version"], by=request.user)
        except mapping.Stale:
            form = MappingForm(user=request.user, row=mapping.load())
            return shown(request, form, errors=[{"id": "main", "label": "", "text": STALE}], status=409)
        except ValidationError as error:
            move_errors(form, error)
        else:
            return done(request, PAGE, "保存成功")
    return shown(request, form)


def shown(request, form, **more):
    context = {"heading": "线索转化", "sections": form.sections(), "back_url": "/settings/", **more}
    return form_page(request, form, no_draft=True, **context)
