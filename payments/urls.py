"""Addresses of plans and payments beyond those every module has."""

from django.urls import path

from .aging_views import AgingView
from .views import GenerateView, ReceiveView, SubmitView

urlpatterns = [
    path("payment-plans/generate/", GenerateView.as_view(), name="payment-plan-generate"),
    path("payment-plans/aging/", AgingView.as_view(), name="payment-plan-aging"),
    path("payments/<int:pk>/submit/", SubmitView.as_view(), name="payment-submit"),
    path("payments/receive/", ReceiveView.as_view(), name="payment-receive"),
]
