"""Addresses of quotations."""

from django.urls import path

from . import exporting, public, share_views, views

urlpatterns = [
    path("quotations/", views.index, name="quotations"),
    path("quotations/export/", exporting.page, name="quotations-export"),
    path("opportunities/<int:pk>/quotations/new/", views.CreateView.as_view(), name="opportunity-quote"),
    path("quotations/<int:pk>/", views.DetailView.as_view(), name="quotation"),
    path("quotations/<int:pk>/versions/new/", views.ReviseView.as_view(), name="quotation-revise"),
    path("quotations/<int:pk>/submit/", views.SubmitView.as_view(), name="quotation-submit"),
    path("quotations/<int:pk>/print/", views.PrintView.as_view(), name="quotation-print"),
    path("quotations/<int:pk>/share/", share_views.ShareView.as_view(), name="quotation-share"),
    path("quotations/<int:pk>/send/", share_views.SendView.as_view(), name="quotation-send"),
    path("quotations/shares/<int:pk>/revoke/", share_views.RevokeView.as_view(), name="quotation-share-revoke"),
    path("quotations/<int:pk>/sent/", views.SentView.as_view(), name="quotation-sent"),
    path("quotations/<int:pk>/accept/", views.AcceptView.as_view(), name="quotation-accept"),
    path("quotations/<int:pk>/reject/", views.RejectView.as_view(), name="quotation-reject"),
    path("quotations/<int:pk>/void/", views.VoidView.as_view(), name="quotation-void"),
    path("quotations/<int:pk>/delete/", views.DeleteView.as_view(), name="quotation-delete"),
    path("q/<str:token>/", public.page, name="quotation-public"),
]
