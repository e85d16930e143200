"""Addresses of contracts beyond those every module has."""

from django.urls import path

from .changes import urls as changes
from .lines import views as lines
from .paper import urls as paper

urlpatterns = [
    *changes.urlpatterns,
    *paper.urlpatterns,
    path("contracts/<int:pk>/lines/", lines.ContractLinesView.as_view(), name="contract-lines"),
    path("contracts/<int:pk>/lines/row/", lines.ContractRowView.as_view(), name="contract-lines-row"),
]
