"""Verbs of products: shelf state and the category tree."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import services

from .models import Category, Product


@transaction.atomic
def set_shelf(rows, *, on: bool, by) -> int:
    """Put allowed products on or off the shelf; returns how many changed."""
    ids = list(
        Product.objects.filter(pk__in=rows.order_by().values("pk"), on_shelf=not on)
        .select_for_update()
        .values_list("pk", flat=True)
    )
    Product.objects.filter(pk__any=ids).update(on_shelf=on, version=F("version") + 1, updated_at=timezone.now())
    text = "上架" if on else "下架"
    services.write_log(Product, ((pk, text, []) for pk in ids), code=f"product.{'on' if on else 'off'}_shelf", by=by)
    return len(ids)


@transaction.atomic
def save_category(category: Category) -> Category:
    """Create, rename or move a category; paths and full names below it follow. Moving under itself is refused."""
    if category.pk and category.parent and category.parent.path.startswith(Category.objects.get(pk=category.pk).path):
        raise ValidationError({"parent": "不能移到自己或自己的下级分类下。"})
    category.full_clean()
    category.save()
    _place(category)
    return category


def _place(category: Category) -> None:
    above = category.parent
    category.path = f"{above.path if above else '/'}{category.pk}/"
    category.full_name = f"{above.full_name} / {category.name}" if above else category.name
    category.save(update_fields=["path", "full_name"])
    for child in category.children.select_related("parent"):
        child.parent = category
        _place(child)


def delete_category(category: Category) -> None:
    """Remove an empty category; ValidationError says what still stands in it."""
    used, below = Product.objects.filter(category=category).count(), category.children.count()
    if used or below:
        raise ValidationError(f"“{category.name}”下还有 {below} 个下级分类、{used} 个产品，不能删除。")
    category.delete()
