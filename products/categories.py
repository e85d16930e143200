"""The tree of product categories: how many products stand in each, and deleting one that is in use."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

from crm.records import services, trees
from crm.records.views.base import go, render_page
from orgs.services.oplog import record

from .models import Category, Product


def counts() -> dict[int, int]:
    """{category id: products filed right under it}, those in the recycle bin apart."""
    rows = Product.objects.live().exclude(category=None).order_by().values("category").annotate(n=Count("pk"))
    return dict(rows.values_list("category", "n"))


@transaction.atomic
def remove(category: Category, to: Category | None, *, by) -> int:
    """Delete a category: its products go to `to` (None = without a category), its sub-categories one level up. Returns how many
    products moved. ValidationError where a sub-category would meet its own name there."""
    category = Category.objects.select_for_update().get(pk=category.pk)
    if to is not None and to.path.startswith(category.path):
        raise ValidationError("不能移到要删除的分类或它的下级分类。")
    filed = Product.objects.filter(category=category)
    ids = list(filed.live().select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    filed.update(category=to, version=F("version") + 1, updated_at=timezone.now())
    change = {"key": "category", "label": "产品分类", "old": category.full_name, "new": to.full_name if to else ""}
    text = f"分类“{category.name}”已删除"
    services.write_log(Product, ((pk, text, [change]) for pk in ids), code="product.updated", by=by)
    for child in category.children.all():
        child.parent = category.parent
        trees.save(child)
    category.delete()
    record("category.deleted", category.full_name, by=by, text=f"删除产品分类，移动 {len(ids):,} 个产品")
    return len(ids)


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
                moved = remove(node, form.cleaned_data["to"], by=request.user)
            except ValidationError as error:
                form.add_error(None, ValidationError(error.messages))
            else:
                messages.success(request, f"删除成功，移动了 {moved:,} 个产品" if moved else "删除成功")
                return go(request, self.base)
        return self.ask(node, form, 422)
