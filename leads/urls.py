from django.urls import path

from customers.pools.urls import pool_urls

from .conversion import settings as conversion_settings
from .conversion.views import ConvertView, SourceLeadsView

urlpatterns = [
    *pool_urls("lead"),
    path("leads/convert/", ConvertView.as_view(), name="lead-convert"),
    path("customers/<int:pk>/leads/", SourceLeadsView.as_view(), name="customer-leads"),
    path("settings/conversion/", conversion_settings.page, name="conversion-settings"),
]
