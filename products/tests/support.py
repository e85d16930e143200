"""Products and tables for the tests of prices and stock."""

from django.core.files.uploadedfile import SimpleUploadedFile

from crm.records import services
from products.models import Product


def product(by, code: str, name: str = "离心泵", price: str = "100.00", **values) -> Product:
    return services.create(Product(name=name, code=code, price=price, **values), by=by)


def table(*lines: str) -> SimpleUploadedFile:
    """A .csv of these lines."""
    return SimpleUploadedFile("表.csv", "\n".join(lines).encode("utf-8-sig"), content_type="text/csv")
