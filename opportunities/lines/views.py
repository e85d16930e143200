"""/opportunities/<pk>/lines/: the editor of an opportunity's product lines."""

from products.lines.export import LinesExportView
from products.lines.views import LinesView, RowView


class OpportunityLinesView(LinesView):
    module_name = "opportunity"


class OpportunityRowView(RowView):
    module_name = "opportunity"


class OpportunityLinesExportView(LinesExportView):
    module_name = "opportunity"
