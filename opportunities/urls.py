"""Addresses of opportunities beyond those every module has."""

from django.urls import include, path

urlpatterns = [
    path("", include("opportunities.quotes.urls")),
]
