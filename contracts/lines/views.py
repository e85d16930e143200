"""/contracts/<pk>/lines/: the editor of a contract's product lines."""

from products.lines.views import LinesView, RowView


class ContractLinesView(LinesView):
    module_name = "contract"


class ContractRowView(RowView):
    module_name = "contract"
