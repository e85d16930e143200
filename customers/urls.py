from django.urls import include, path

from . import views
from .care import settings as care_settings
from .care import views as care
from .duplicates import views as duplicates
from .handover import views as handover
from .merging.views import MergeView
from .pools import cap_settings, settings
from .pools.urls import pool_urls
from .relations.views import LinkContactView, RelateView, RemoveRelationView, UnlinkContactView

urlpatterns = [
    *pool_urls("customer"),
    path("pick/city/", views.cities, name="pick-city"),
    path("contacts/<int:pk>/primary/", views.MakePrimaryView.as_view(), name="contact-primary"),
    path("duplicates/", duplicates.page, name="duplicates"),
    path("customers/<int:pk>/related/", duplicates.RelatedView.as_view(), name="customer-related"),
    path("transfer-requests/", handover.index, name="handover-list"),
    path("transfer-requests/new/", handover.ask, name="handover-new"),
    path("transfer-requests/<int:pk>/", handover.detail, name="handover"),
    path("transfer-requests/<int:pk>/agree/", handover.agree, name="handover-agree"),
    path("transfer-requests/<int:pk>/refuse/", handover.refuse, name="handover-refuse"),
    path("transfer-requests/<int:pk>/withdraw/", handover.withdraw, name="handover-withdraw"),
    path("", include("customers.mailing.urls")),
    path("customers/merge/", MergeView.as_view(), name="customer-merge"),
    path("customers/<int:pk>/relations/new/", RelateView.as_view(), name="customer-relate"),
    path("customers/relations/<int:pk>/remove/", RemoveRelationView.as_view(), name="customer-relation-remove"),
    path("customers/<int:pk>/contacts/link/", LinkContactView.as_view(), name="customer-contact-link"),
    path("customers/contact-links/<int:pk>/remove/", UnlinkContactView.as_view(), name="customer-contact-unlink"),
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
    path("customers/<int:pk>/plan/", care.PlanView.as_view(), name="customer-plan"),
    path("customers/<int:pk>/plan/stop/", care.PlanStopView.as_view(), name="customer-plan-stop"),
    path("care/", care.index, name="care"),
    path("care/<int:pk>/done/", care.finish, name="care-done"),
    path("care/<int:pk>/skip/", care.skip, name="care-skip"),
    path("settings/care/", care_settings.index, name="care-rules"),
    path("settings/care/new/", care_settings.create, name="care-rule-new"),
    path("settings/care/<int:pk>/edit/", care_settings.edit, name="care-rule-edit"),
    path("settings/care/<int:pk>/delete/", care_settings.delete, name="care-rule-delete"),
    path("settings/care/<int:pk>/switch/<slug:key>/", care_settings.switch, name="care-rule-switch"),
]
