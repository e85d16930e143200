"""The category tree of products."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.views import View

from crm.records.formfields import Cleaned
from crm.records.views.base import go, render_page

from . import services
from .models import Category


class CategoryForm(forms.ModelForm):
    class Meta:
        model = Category
        fields = ["name", "parent"]
        field_classes: dict = {"name": Cleaned}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["parent"].empty_label = "（顶级）"
        self.fields["parent"].error_messages["invalid_choice"] = "请选择列表中的选项"
        if self.instance.pk:
            self.fields["parent"].queryset = Category.objects.exclude(path__startswith=self.instance.path)


class CategoryPage(View):
    """What the pages of the tree share: the function 编辑 of products."""

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_function("product.edit"):
            raise PermissionDenied("您的角色没有“产品”的“编辑”权限。")
        return super().dispatch(request, *args, **kwargs)

    def found(self, pk):
        category = Category.objects.filter(pk=pk).first()
        if category is None:
            raise Http404
        return category


class CategoriesView(CategoryPage):
    """GET /settings/categories/"""

    def get(self, request):
        return render_page(request, "products/categories.html", {"categories": Category.objects.order_by("full_name")})


class CategoryEditView(CategoryPage):
    """/settings/categories/new/ and /settings/categories/<pk>/"""

    def get(self, request, pk=None):
        category = self.found(pk) if pk else Category()
        return self.show(CategoryForm(instance=category, initial={"parent": request.GET.get("parent")}), category)

    def show(self, form, category, status=200):
        return render_page(
            request=self.request,
            template="records/confirm.html",
            status=status,
            context={
                "heading": "编辑分类" if category.pk else "新建分类",
                "fields": form,
                "submit_label": "保存",
                "hidden": [],
                "action": self.request.path,
                "back_url": "/settings/categories/",
            },
        )

    def post(self, request, pk=None):
        form = CategoryForm(request.POST, instance=self.found(pk) if pk else Category())
        if form.is_valid():
            try:
                services.save_category(form.instance)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, "保存成功")
                return go(request, "/settings/categories/")
        return self.show(form, form.instance, 422 if request.htmx else 200)


class CategoryDeleteView(CategoryPage):
    """POST /settings/categories/<pk>/delete/"""

    def post(self, request, pk):
        try:
            services.delete_category(self.found(pk))
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
        else:
            messages.success(request, "删除成功")
        return go(request, "/settings/categories/")
