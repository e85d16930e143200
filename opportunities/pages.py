"""Pages of the opportunity that differ from those every record has."""

from crm.records import fieldset
from crm.records.views.detail import DetailView

from . import bar


class OpportunityPage(DetailView):
    """With the advance bar; the tab 竞争对手 follows the right of its field."""

    template = "opportunities/detail.html"

    def extras(self, record) -> dict:
        return {"bar": bar.build(record, self.rights)}

    def own_tabs(self, record):
        readable = fieldset.of(self.module, self.user).readable("competitors")
        return [tab for tab in super().own_tabs(record) if readable or tab.key != "competitors"]


VIEWS = {"detail": OpportunityPage}
