"""Every address of the site. The URL walker (crm/tests/test_urls.py) must know each."""

from django.urls import include, path

from approvals.requests import pages as request_pages
from contracts import pages as contract_pages
from contracts.invoices import views as invoice_pages
from crm import health
from crm.records import modules
from crm.records import urls as records
from crm.records.views.single import pick_record
from customers import pages as customer_pages
from customers.pools.views import OwnedDetail
from opportunities import pages as opportunity_pages
from payments import pages as payment_pages

REPLACED = {
    "customer": customer_pages.VIEWS,
    "opportunity": opportunity_pages.VIEWS,
    "contract": contract_pages.VIEWS,
    "invoice": invoice_pages.VIEWS,
    "lead": {"detail": OwnedDetail},
    "payment_plan": payment_pages.PLAN_VIEWS,
    "payment": payment_pages.PAYMENT_VIEWS,
    "request": request_pages.VIEWS,
}  # views of a module that differ from the shared ones

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("orgs.urls")),
    *records.shared,
    path("", include("approvals.urls")),
    path("", include("approvals.editor.urls")),
    path("", include("customers.urls")),
    path("", include("opportunities.urls")),
    path("", include("contracts.urls")),
    path("", include("payments.urls")),
    path("", include("leads.urls")),
    *[
        route
        for module in modules.ordered()
        for route in records.module_urls(module.name, replace=REPLACED.get(module.name))
    ],
    path("", include("products.urls")),
    path("pick/<slug:name>/", pick_record, name="pick"),
]
