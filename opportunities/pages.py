"""Pages of the opportunity that differ from those every record has."""

from crm.records import fieldset
from crm.records.views.detail import DetailView

from . import bar


class OpportunityPage(DetailView):
    """With the advance bar; bar and tabs follow the rights of the fields they are made of."""

    template = "opportunities/detail.html"

    def extras(self, record) -> dict:
        fields = fieldset.of(self.module, self.user)
        return {"bar": bar.build(record, self.rights, fields) if self.readable(*bar.MADE_OF) else None}

    def own_tabs(self, record):
        needs = {"competitors": ("competitors",), "stages": bar.MADE_OF}
        return [tab for tab in super().own_tabs(record) if self.readable(*needs.get(tab.key, ()))]

    def readable(self, *keys) -> bool:
        fields = fieldset.of(self.module, self.user)
        return all(map(fields.readable, keys))


VIEWS = {"detail": OpportunityPage}
