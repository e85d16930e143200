"""/opportunities/<pk>/lines/: the editor of an opportunity's product lines."""

from products.lines.views import LinesView, RowView


class OpportunityLinesView(LinesView):
    module_name = "opportunity"


class OpportunityRowView(RowView):
    module_name = "opportunity"
