"""/contracts/<pk>/lines/: the editor of a contract's product lines, and their export."""

from products.lines.export import LinesExportView
from products.lines.views import LinesView, RowView


class ContractLinesView(LinesView):
    module_name = "contract"


class ContractRowView(RowView):
    module_name = "contract"


class ContractLinesExportView(LinesExportView):
    module_name = "contract"
