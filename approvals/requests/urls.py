"""Addresses of requests beyond those every module has, and of their settings."""

from django.urls import path

from . import pages, settings

urlpatterns = [
    path("requests/<int:pk>/submit/", pages.SubmitView.as_view(), name="request-submit"),
    path("settings/requests/", settings.index, name="request-types"),
    path("settings/requests/new/", settings.create, name="request-type-new"),
    path("settings/requests/<int:pk>/", settings.edit, name="request-type-edit"),
    path("settings/requests/<int:pk>/delete/", settings.delete, name="request-type-delete"),
    path("settings/requests/<int:pk>/do/<slug:key>/", settings.act, name="request-type-act"),
    path("settings/requests/<int:pk>/fields/", settings.pick_fields, name="request-type-fields"),
    path("settings/requests/<int:pk>/fields/new/", settings.new_field, name="request-type-field-new"),
    path(
        "settings/requests/<int:pk>/fields/<int:field>/<slug:key>/", settings.move_field, name="request-type-field-move"
    ),
]
