"""A contract on paper: the house sheet, a text template, a .docx to download; as it is or as one of its versions says it."""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import render

from approvals.models import Status
from crm.records import fieldset, scope
from crm.records.views.base import ModuleView
from crm.records.views.detail import DetailView
from orgs.views.base import number

from ..changes.data import overlay
from ..changes.tab import visible
from ..models import ContractTemplate
from . import placeholders, text
from .docx import fill as fill_docx
from .settings import answer, stored

Kind = ContractTemplate.Kind
PARTIES = ("customer", "customer_signer", "company_signer", "owner")
FACTS = ("opportunity", "kind", "signed_on", "starts_on", "ends_on")


class PaperView(DetailView):
    """What both doors share: the contract as the reader asked for it."""

    module_name = "contract"
    action = "print"

    def asked(self, record):
        """(contract, word under the title) of ?v=; 404 for a version the reader does not see."""
        wanted = self.request.GET.get("v")
        if not wanted:
            word = "" if record.status == Status.APPROVED else record.get_status_display()
            return record, f"{word}，未生效" if word and record.status != Status.VOID else word
        rows = visible(record, scope.rights(self.user, record))
        number_ = number(wanted)
        version = rows.filter(number=number_).first() if number_ and number_ < 2**31 else None
        if version is None:
            raise Http404
        word = (
            "" if version.state == version.State.EFFECTIVE else f"第 {version.number} 版，{version.get_state_display()}"
        )
        return overlay(record, version.data), word


class PrintView(PaperView):
    """GET /contracts/<pk>/print/?t=&v=: the browser's print dialog opens by itself."""

    def get(self, request, pk):
        record = self.record()
        contract, word = self.asked(record)
        filled = placeholders.fill(contract, self.user)
        templates = list(ContractTemplate.objects.filter(enabled=True).only("pk", "name", "kind"))
        title = self.module.title_of(contract)
        context = {
            "title": title,
            "word": word,
            "filled": filled,
            "back_url": self.module.url(pk=pk),
            "choices": self.choices(pk, templates),
        }
        if chosen := request.GET.get("t"):
            template = next((one for one in templates if one.kind == Kind.TEXT and str(one.pk) == chosen), None)
            if template is None:
                raise Http404
            template.refresh_from_db(fields=["body"])
            blocks = text.blocks(template.body, filled)
            return render(request, "contracts/paper_text.html", {**context, "blocks": blocks})
        fields = fieldset.of(self.module, self.user)
        values = filled.values
        return render(
            request,
            "contracts/paper.html",
            {
                **context,
                "company": values["我方公司"],
                "number": fields.shown(contract, "number"),
                "parties": self.pairs(fields, contract, PARTIES),
                "facts": self.pairs(fields, contract, FACTS),
                "more": self.pairs(fields, contract, tuple(fields.custom)),
                "amount": fields.shown(contract, "amount"),
                "capitals": values[placeholders.CAPITALS] if fields.readable("amount") else "",
                "discount": values["整单折扣"] if contract.discount and filled.lines else "",
                "remark": fields.shown(contract, "remark"),
            },
        )

    def pairs(self, fields, contract, keys) -> list[tuple[str, str]]:
        return [
            (fields.label(key), shown)
            for key in keys
            if key in fields.by_key and (shown := fields.shown(contract, key))
        ]

    def choices(self, pk, templates) -> list[dict]:
        """The other ways to put it on paper."""
        version = number(self.request.GET.get("v"))
        base, more = self.module.url("print", pk), f"v={version}" if version else ""
        asked = self.request.GET.get("t", "")
        found = [{"label": "标准格式", "url": f"{base}?{more}", "active": not asked}]
        for one in templates:
            if one.kind == Kind.TEXT:
                url = f"{base}?t={one.pk}" + (f"&{more}" if more else "")
            else:
                url = self.module.url(f"paper/{one.pk}", pk) + (f"?{more}" if more else "")
            found.append({"label": one.name, "url": url, "active": asked == str(one.pk), "file": one.kind == Kind.DOCX})
        return found


class DocxView(PaperView):
    """GET /contracts/<pk>/paper/<template>/?v=: the .docx with the reader's values."""

    def get(self, request, pk, template):
        record = self.record()
        contract, _ = self.asked(record)
        found = ContractTemplate.objects.filter(pk=template, kind=Kind.DOCX, enabled=True).first()
        if found is None:
            raise Http404
        filled = placeholders.fill(contract, self.user)
        try:
            data = fill_docx(stored(found), filled)
        except ValidationError as error:
            return ModuleView.refused(self, error, "下载合同")
        return answer(data, f"{filled.values['合同编号']} {self.module.title_of(contract)}")
