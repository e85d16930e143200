"""Addresses of the approval centre."""

from django.urls import path

from . import views

urlpatterns = [
    path("approvals/", views.centre, name="approvals"),
    path("approvals/decide/", views.decide, name="approvals-decide"),
    path("approvals/<int:pk>/", views.one, name="approval"),
    path("approvals/<int:pk>/history/", views.history, name="approval-history"),
    path("approvals/<int:pk>/<slug:key>/", views.act, name="approval-act"),
]
