from django.urls import path

from . import views
from .pools import cap_settings, settings

urlpatterns = [
    path("pick/city/", views.cities, name="pick-city"),
    path("contacts/<int:pk>/primary/", views.MakePrimaryView.as_view(), name="contact-primary"),
    path("settings/pools/", settings.index, name="pool-settings"),
    path("settings/pools/run/", settings.run_now, name="pool-settings-run"),
    path("settings/pools/new/<slug:name>/", settings.create, name="pool-settings-new"),
    path("settings/pools/caps/", cap_settings.index, name="pool-caps"),
    path("settings/pools/caps/new/<slug:name>/", cap_settings.create, name="pool-cap-new"),
    path("settings/pools/caps/<int:pk>/edit/", cap_settings.edit, name="pool-cap-edit"),
    path("settings/pools/caps/<int:pk>/delete/", cap_settings.delete, name="pool-cap-delete"),
    path("settings/pools/<int:pk>/", settings.detail, name="pool-settings-pool"),
    path("settings/pools/<int:pk>/preview/", settings.preview, name="pool-settings-preview"),
    path("settings/pools/<int:pk>/disable/", settings.disable, name="pool-settings-disable"),
    path("settings/pools/<int:pk>/delete/", settings.delete, name="pool-settings-delete"),
    path("settings/pools/<int:pk>/move/", settings.move, name="pool-settings-move"),
    path("settings/pools/<int:pk>/do/<slug:key>/", settings.act, name="pool-settings-act"),
]
