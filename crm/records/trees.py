"""Small trees of names that records are filed under (product categories): paths, full names, pages.

A tree is a model on TreeNode and a line in a module's urls.py: `trees.routes(Category, ...)`.
"""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import Http404
from django.urls import path
from django.views import View

from .fields import Text
from .views.base import go, render_page

SAME_NAME = "同级已有同名分类"


class TreeNode(models.Model):
    """`path` is the ids from the top ("/1/4/"): everything below is one prefix; `full_name` the names ("设备 / 泵")."""

    name = Text("名称", max_length=30, blank=False)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级分类"
    )
    path = models.CharField(max_length=300, editable=False, db_index=True)
    full_name = models.CharField(max_length=300, editable=False)

    class Meta:
        abstract = True
        ordering = ["full_name"]

    def __str__(self):
        return self.full_name


def unique_names(prefix: str) -> list[models.UniqueConstraint]:
    """A name stands once below its parent, and once at the top."""
    return [
        models.UniqueConstraint(fields=["parent", "name"], name=f"{prefix}_name", violation_error_message=SAME_NAME),
        models.UniqueConstraint(
            fields=["name"],
            condition=models.Q(parent=None),
            name=f"{prefix}_top_name",
            violation_error_message=SAME_NAME,
        ),
    ]


@transaction.atomic
def save(node: TreeNode) -> TreeNode:
    """Create, rename or move a node; paths and full names below it follow. Moving it under itself is refused."""
    if node.pk and node.parent and node.parent.path.startswith(type(node).objects.get(pk=node.pk).path):
        raise ValidationError({"parent": "不能移到自己或自己的下级分类下。"})
    node.full_clean()
    node.save()
    _place(node)
    return node


def _place(node: TreeNode) -> None:
    above = node.parent
    node.path = f"{above.path if above else '/'}{node.pk}/"
    node.full_name = f"{above.full_name} / {node.name}"[:300] if above else node.name
    node.save(update_fields=["path", "full_name"])
    for child in node.children.all():
        child.parent = node
        _place(child)


def delete(node: TreeNode, used: int) -> None:
    """Remove an empty node; ValidationError says what still stands in it (`used` = records filed under it)."""
    below = node.children.count()
    if used or below:
        raise ValidationError(f"“{node.name}”下还有 {below} 个下级分类、{used} 条记录，不能删除。")
    node.delete()


class TreeView(View):
    """The pages of one tree for holders of `function`."""

    tree = None
    function = ""
    label = base = ""
    files = None  # a queryset of the records filed under a node: (field name, model)

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_function(self.function):
            raise PermissionDenied(f"您的角色没有编辑{self.label}的权限。")
        return super().dispatch(request, *args, **kwargs)

    def found(self, pk):
        node = self.tree.objects.filter(pk=pk).first()
        if node is None:
            raise Http404
        return node

    def form(self, node, *args, **kwargs):
        form = forms.modelform_factory(self.tree, fields=["name", "parent"])(*args, instance=node, **kwargs)
        form.fields["parent"].empty_label = "（顶级）"
        form.fields["parent"].error_messages["invalid_choice"] = "请选择列表中的选项"
        if node.pk:
            form.fields["parent"].queryset = self.tree.objects.exclude(path__startswith=node.path)
        return form


class IndexView(TreeView):
    def get(self, request):
        nodes = self.tree.objects.order_by("full_name")
        return render_page(request, "records/tree.html", {"nodes": nodes, "label": self.label, "base": self.base})


class EditView(TreeView):
    def get(self, request, pk=None):
        node = self.found(pk) if pk else self.tree()
        return self.show(self.form(node, initial={"parent": request.GET.get("parent")}), node)

    def show(self, form, node, status=200):
        heading = f"{'编辑' if node.pk else '新建'}{self.label}"
        context = {"heading": heading, "fields": form, "submit_label": "保存", "hidden": [], "back_url": self.base}
        return render_page(
            self.request, "records/confirm.html", {**context, "action": self.request.path}, status=status
        )

    def post(self, request, pk=None):
        form = self.form(self.found(pk) if pk else self.tree(), request.POST)
        if form.is_valid():
            try:
                save(form.instance)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, "保存成功")
                return go(request, self.base)
        return self.show(form, form.instance, 422 if request.htmx else 200)


class DeleteView(TreeView):
    def post(self, request, pk):
        node = self.found(pk)
        name, model = self.files
        try:
            delete(node, model.objects.filter(**{name: node}).count())
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
        else:
            messages.success(request, "删除成功")
        return go(request, self.base)


def routes(tree, *, name: str, base: str, label: str, function: str, files: tuple, index=None, delete=None) -> list:
    """The routes of a tree below `base` ("/settings/categories/"), named "<name>", "<name>-new" and so on; `index` and
    `delete` = views of its own."""
    options = {"tree": tree, "base": base, "label": label, "function": function, "files": files}
    prefix = base.lstrip("/")
    return [
        path(prefix, (index or IndexView).as_view(**options), name=f"{name}-index"),
        path(f"{prefix}new/", EditView.as_view(**options), name=f"{name}-new"),
        path(f"{prefix}<int:pk>/", EditView.as_view(**options), name=name),
        path(f"{prefix}<int:pk>/delete/", (delete or DeleteView).as_view(**options), name=f"{name}-delete"),
    ]
