"""Addresses of contracts beyond those every module has."""

from django.urls import path

from . import settings, views
from .changes import urls as changes
from .invoices import title_views as titles
from .invoices import views as invoices
from .lines import views as lines
from .paper import urls as paper

urlpatterns = [
    *changes.urlpatterns,
    *paper.urlpatterns,
    path("contracts/lines/export/", lines.ContractLinesExportView.as_view(), name="contract-lines-export"),
    path("contracts/<int:pk>/lines/", lines.ContractLinesView.as_view(), name="contract-lines"),
    path("contracts/<int:pk>/lines/row/", lines.ContractRowView.as_view(), name="contract-lines-row"),
    path("contracts/coming/", views.ComingView.as_view(), name="contract-coming"),
    path("contracts/<int:pk>/submit/", views.SubmitView.as_view(), name="contract-submit"),
    path("contracts/<int:pk>/renew/", views.RenewView.as_view(), name="contract-renew"),
    path("quotations/<int:pk>/contract/", views.FromQuotationView.as_view(), name="quotation-contract"),
    path("settings/contracts/", settings.index, name="contract-settings"),
    path("invoices/<int:pk>/submit/", invoices.SubmitView.as_view(), name="invoice-submit"),
    path("invoices/issue/", invoices.IssueView.as_view(), name="invoice-issue"),
    path("invoices/titles/", invoices.TitlesView.as_view(), name="invoice-titles"),
    path("customers/<int:pk>/titles/new/", titles.TitleView.as_view(), name="customer-title-new"),
    path("customers/<int:pk>/titles/<int:row>/", titles.TitleView.as_view(), name="customer-title"),
    path("customers/<int:pk>/titles/<int:row>/default/", titles.DefaultView.as_view(), name="customer-title-default"),
    path("customers/<int:pk>/titles/<int:row>/remove/", titles.RemoveView.as_view(), name="customer-title-remove"),
]
