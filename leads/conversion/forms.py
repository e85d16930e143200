"""What is asked before leads are converted, and the form of the mapping."""

from django import forms
from django.core.exceptions import ValidationError

from crm.records import fieldset, modules
from opportunities import pipelines
from opportunities.models import Opportunity

from . import making, mapping, services, values
from .making import Wanted
from .services import Options

ONLY = {"data-only": "opportunity=on"}
NEW = "new"


class OpportunityPart(forms.Form):
    """新建商机 and what it takes. Absent where the person may not create one, or no pipeline is theirs to use."""

    contact = forms.BooleanField(label="新建联系人", required=False)
    opportunity = forms.BooleanField(label="新建商机", required=False)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        self.pipelines = pipelines.open_to(user) if modules.get("opportunity").may(user, "create") else []
        self.pipelines = [one for one in self.pipelines if one.stages.all()]
        if not modules.get("contact").may(user, "create"):
            del self.fields["contact"]
        if not self.pipelines:
            del self.fields["opportunity"]
            return
        self.stages = {
            str(stage.pk): (pipeline, stage) for pipeline in self.pipelines for stage in pipeline.stages.all()
        }
        groups = [(one.name, [(stage.pk, stage.name) for stage in one.stages.all()]) for one in self.pipelines]
        self.fields["stage"] = forms.ChoiceField(
            label="商机阶段",
            choices=groups if len(groups) > 1 else groups[0][1],
            required=False,
            widget=forms.Select(attrs=ONLY),
            error_messages={"invalid_choice": "请选择列表中的阶段"},
        )
        own = fieldset.of(modules.get("opportunity"), user)
        if own.editable("expected_on"):
            self.fields["expected_on"] = forms.DateField(
                label=own.label("expected_on"),
                required=False,
                widget=forms.DateInput(attrs={**ONLY, "data-date": "", "placeholder": "2026-01-31"}, format="%Y-%m-%d"),
                error_messages={"invalid": "日期格式应为 2026-01-31"},
            )

    def wanted(self) -> Wanted | None:
        """The opportunity that is asked for, None for none."""
        data = self.cleaned_data
        if not data.get("opportunity"):
            return None
        pipeline, stage = self.stages[data.get("stage") or next(iter(self.stages))]
        return Wanted(
            pipeline, stage, data.get("name") or "", amount=data.get("amount"), expected_on=data.get("expected_on")
        )


class ConvertForm(OpportunityPart):
    """One lead: into which customer, with whom. `match` = what was found."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, user, lead, match, **kwargs):
        super().__init__(*args, user=user, **kwargs)
        self.match = match
        offered = [(str(pk), "") for pk in match.into] + ([] if match.forbidden else [(NEW, "")])
        self.fields["customer"] = forms.ChoiceField(
            choices=offered,
            error_messages={"required": "请选择客户", "invalid_choice": "这个客户已不能并入，请重新选择"},
        )
        best = match.best
        self.initial |= {
            "version": lead.version,
            "seen": seen(match),
            "customer": str(best.record.pk) if best else NEW,
            "contact": making.has_contact(lead),
        }
        if not making.has_contact(lead):
            self.fields.pop("contact", None)
        if self.pipelines:
            self.name_and_amount(lead)

    def name_and_amount(self, lead):
        own = fieldset.of(modules.get("opportunity"), self.user)
        for key in ("name", "amount"):
            if own.editable(key):
                field = self.fields[key] = Opportunity._meta.get_field(key).formfield(required=False)
                field.widget.attrs.update(ONLY)
                field.label = own.label(key, field.label)
        name = self.fields["name"]
        name.clean = lambda value: name.model_field.clean_value(value) if str(value or "").strip() else ""
        if not lead.company or fieldset.of(modules.get("lead"), self.user).readable("company"):
            self.initial["name"] = making.opportunity_name(lead)

    def chosen(self) -> str:
        """What is ticked among the customers."""
        return str(self["customer"].value() or "")

    def clean(self):
        data = super().clean()
        if data.get("seen") != seen(self.match):
            raise ValidationError("打开页面之后，可能重复的客户有变化，请核对后再转化。")
        return data

    def options(self) -> Options:
        chosen = self.cleaned_data["customer"]
        return Options(
            services.NEW,
            customer=None if chosen == NEW else int(chosen),
            contact=self.cleaned_data.get("contact", False),
            opportunity=self.wanted(),
        )


def seen(match) -> str:
    """Names exactly these finds: who converted having seen them has seen no others."""
    return ",".join(str(hit.record.pk) for hit in sorted(match.hits, key=lambda hit: hit.record.pk))


class ConvertManyForm(OpportunityPart):
    """Many leads: what to do where a customer looks the same, and what is made besides."""

    found = forms.ChoiceField(
        label="已有相同或相近的客户时",
        choices=services.CHOICES,
        initial=services.INTO,
        widget=forms.RadioSelect,
        error_messages={"required": "请选择", "invalid_choice": "请选择列表中的选项"},
    )
    field_order = ("found", "contact", "opportunity", "stage", "expected_on")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("contact", True)

    def options(self) -> Options:
        return Options(
            self.cleaned_data["found"],
            contact=self.cleaned_data.get("contact", False),
            opportunity=self.wanted(),
        )


class MappingForm(forms.Form):
    """A select for each field of leads: the fields its values fit into."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args, user, row, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        there = mapping.targets(user)
        self.initial["version"] = row.version
        for one in mapping.rows(row, user):
            groups: dict[str, list] = {}
            for target in there:
                if values.fits(one.source, target):
                    label = modules.get(target.module).label
                    groups.setdefault(label, []).append((target.key, mapping.words(target, user)))
            shown = [("", "不带过去"), *groups.items()]
            self.fields[one.source.name] = forms.ChoiceField(
                label=mapping.label(one.source, user),
                choices=shown,
                required=False,
                error_messages={"invalid_choice": "请选择列表中的选项"},
            )
            self.initial[one.source.name] = one.target.key if one.target else ""

    def sections(self) -> list:
        """The built-in fields, then the company's own."""
        names = [name for name in self.fields if name != "version"]
        own = [name for name in names if name not in mapping.SOURCES]
        note = "公司（没有填时用线索名称）成为客户名称，联系人成为联系人姓名，负责人不变"
        found = [("字段对应", note, [name for name in names if name in mapping.SOURCES])]
        return [*found, ("自定义字段", "只能对应类型相同的字段", own)] if own else found

    def chosen(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}
