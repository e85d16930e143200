"""/settings/contracts/: what an approved contract does, and when its owner hears of its end."""

from django import forms
from django.core.exceptions import ValidationError
from django.views.decorators.http import require_http_methods

from crm.records import params
from orgs import pages, services
from orgs.views.base import done, form_page, move_errors, needs
from orgs.views.settings import ParametersForm

ROOT = "/settings/contracts/"
KEYS = ("contract_deals", "contract_wins", "contract_remind_days")

pages.PAGES.append(
    pages.Page("admin.sales", "合同设置", ROOT, "contract", "合同通过后客户和商机怎样变化，到期前几天提醒")
)


class ContractSettingsForm(forms.Form):
    """The parameters of contracts, with their sentences."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for key in KEYS:
            param = params.PARAMS[key]
            self.fields[key] = ParametersForm.field_for(param)
            self.fields[key].help_text = param.sentence


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.sales")
def index(request):
    """/settings/contracts/"""
    form = ContractSettingsForm(request.POST or None, initial={key: params.get(key) for key in KEYS})
    if request.method == "POST" and form.is_valid():
        try:
            changed = services.change_parameters(form.cleaned_data, by=request.user)
            return done(request, ROOT, f"已修改：{'、'.join(changed)}" if changed else "没有改动")
        except ValidationError as error:
            move_errors(form, error)
    return form_page(request, form, heading="合同设置", sections=[("", "", KEYS)], back_url="/settings/")
