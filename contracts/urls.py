"""Addresses of contracts beyond those every module has."""

from django.urls import path

from . import settings, views
from .lines import views as lines

urlpatterns = [
    path("contracts/lines/export/", lines.ContractLinesExportView.as_view(), name="contract-lines-export"),
    path("contracts/<int:pk>/lines/", lines.ContractLinesView.as_view(), name="contract-lines"),
    path("contracts/<int:pk>/lines/row/", lines.ContractRowView.as_view(), name="contract-lines-row"),
    path("contracts/coming/", views.ComingView.as_view(), name="contract-coming"),
    path("contracts/<int:pk>/submit/", views.SubmitView.as_view(), name="contract-submit"),
    path("contracts/<int:pk>/renew/", views.RenewView.as_view(), name="contract-renew"),
    path("quotations/<int:pk>/contract/", views.FromQuotationView.as_view(), name="quotation-contract"),
    path("settings/contracts/", settings.index, name="contract-settings"),
]
