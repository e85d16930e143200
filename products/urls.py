from django.urls import path

from . import views

urlpatterns = [
    path("settings/categories/", views.CategoriesView.as_view(), name="product-categories"),
    path("settings/categories/new/", views.CategoryEditView.as_view(), name="product-category-new"),
    path("settings/categories/<int:pk>/", views.CategoryEditView.as_view(), name="product-category"),
    path("settings/categories/<int:pk>/delete/", views.CategoryDeleteView.as_view(), name="product-category-delete"),
]
