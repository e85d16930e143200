from crm.records import trees

from .models import Category, Product

urlpatterns = trees.routes(
    Category,
    name="product-category",
    base="/settings/categories/",
    label="产品分类",
    function="product.edit",
    files=("category", Product),
)
