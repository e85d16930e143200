from django.urls import path

from crm.records import trees

from . import categories
from .models import Category, Product
from .prices import views as prices

price_urls = [
    path("price-lists/", prices.index, name="price-lists"),
    path("price-lists/new/", prices.create, name="price-list-new"),
    path("price-lists/<int:pk>/", prices.detail, name="price-list"),
    path("price-lists/<int:pk>/edit/", prices.edit, name="price-list-edit"),
    path("price-lists/<int:pk>/delete/", prices.delete, name="price-list-delete"),
    path("price-lists/<int:pk>/do/<slug:key>/", prices.act, name="price-list-act"),
    path("price-lists/<int:pk>/export/", prices.export, name="price-list-export"),
    path("price-lists/<int:pk>/import/", prices.import_table, name="price-list-import"),
    path("price-lists/<int:pk>/prices/new/", prices.price_new, name="price-list-price-new"),
    path("price-lists/<int:pk>/prices/<int:product>/", prices.price, name="price-list-price"),
    path("price-lists/<int:pk>/prices/<int:product>/remove/", prices.price_remove, name="price-list-price-remove"),
    path("products/stock/", prices.stock, name="product-stock"),
]

urlpatterns = price_urls + trees.routes(
    Category,
    name="product-category",
    base="/settings/categories/",
    label="产品分类",
    function="product.edit",
    files=("category", Product),
    index=categories.IndexView,
    delete=categories.DeleteView,
)
