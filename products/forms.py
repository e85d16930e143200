from crm.records.forms import RecordForm

from .models import Product


class ProductForm(RecordForm):
    sections = (("基本信息", "", ("name", "code", "category", "unit", "price", "cost")), ("描述", "", ("description",)))

    class Meta:
        model = Product
        fields = ["name", "code", "category", "unit", "price", "cost", "description"]

    def prepare(self):
        self.fields["category"].widget.attrs["data-search"] = ""
        self.fields["category"].empty_label = "请选择"
        if not self.user.has_function("product.cost"):
            del self.fields["cost"]
