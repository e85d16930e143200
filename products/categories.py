"""The tree of product categories: how many products stand in each, and deleting one that is in use."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count

from crm.records import trees
from crm.records.views.base import go, render_page

from .models import Category, Product
from .services import remove_category


def counts() -> dict[int, int]:
    """{category id: products filed right under it}, those in the recycle bin apart."""
    rows = Product.objects.live().exclude(category=None).order_by().values("category").annotate(n=Count("pk"))
    return dict(rows.values_list("category", "n"))


class IndexView(trees.IndexView):
    def get(self, request):
        own, nodes = counts(), list(self.tree.objects.order_by("full_name"))
        below = {node.pk: 0 for node in nodes}
        for node in nodes:
            for pk in node.path.strip("/").split("/"):
                below[int(pk)] = below.get(int(pk), 0) + own.get(node.pk, 0)
        rows = [
            {
                "node": node,
                "depth": min(node.path.count("/") - 2, 5),
                "own": own.get(node.pk, 0),
                "below": below[node.pk],
            }
            for node in nodes
        ]
        context = {"rows": rows, "label": self.label, "base": self.base, "nav_active": "settings"}
        return render_page(request, "products/categories.html", context)


class RemoveForm(forms.Form):
    """Where the products of a category go."""

    def __init__(self, *args, category: Category, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["to"] = forms.ModelChoiceField(
            Category.objects.exclude(path__startswith=category.path),
            label="它的产品移到",
            required=False,
            empty_label="不分类",
            error_messages={"invalid_choice": "请选择列表中的选项"},
        )


class DeleteView(trees.TreeView):
    """/settings/categories/<pk>/delete/: asks where its products go."""

    def get(self, request, pk):
        node = self.found(pk)
        return self.ask(node, RemoveForm(category=node))

    def ask(self, node, form, status: int = 200):
        used = Product.objects.live().filter(category=node).count()
        below = node.children.count()
        up = f"“{node.parent.name}”下" if node.parent else "顶级"
        parts = [f"{used:,} 个产品要移到别处" if used else "没有产品", f"{below} 个下级分类移到{up}" if below else ""]
        context = {
            "heading": f"删除{self.label}“{node.full_name}”？",
            "body": "；".join(filter(None, parts)) + "。",
            "fields": form if used or form.errors else None,
            "submit_label": "删除",
            "danger": True,
            "hidden": [],
            "action": self.request.path,
            "back_url": self.base,
            "nav_active": "settings",
        }
        return render_page(self.request, "records/confirm.html", context, status=status)

    def post(self, request, pk):
        node = self.found(pk)
        form = RemoveForm(request.POST, category=node)
        if form.is_valid():
            try:
                moved = remove_category(node, form.cleaned_data["to"], by=request.user)
            except ValidationError as error:
                form.add_error(None, ValidationError(error.messages))
            else:
                messages.success(request, f"删除成功，移动了 {moved:,} 个产品" if moved else "删除成功")
                return go(request, self.base)
        return self.ask(node, form, 422)
