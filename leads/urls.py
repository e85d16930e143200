from django.urls import path

from customers.pools.urls import pool_urls

from .conversion import settings as conversion_settings
from .conversion.views import ConvertView, SourceLeadsView
from .plan import views as plan
from .rules import views as rules
from .webforms import public
from .webforms import views as webforms

urlpatterns = [
    *pool_urls("lead"),
    path("leads/convert/", ConvertView.as_view(), name="lead-convert"),
    path("customers/<int:pk>/leads/", SourceLeadsView.as_view(), name="customer-leads"),
    path("settings/conversion/", conversion_settings.page, name="conversion-settings"),
    path("settings/lead-rules/", rules.index, name="lead-rules"),
    path("settings/lead-rules/new/", rules.create, name="lead-rule-new"),
    path("settings/lead-rules/try/", rules.attempt, name="lead-rule-try"),
    path("settings/lead-rules/<int:pk>/", rules.detail, name="lead-rule"),
    path("settings/lead-rules/<int:pk>/edit/", rules.edit, name="lead-rule-edit"),
    path("settings/lead-rules/<int:pk>/delete/", rules.delete, name="lead-rule-delete"),
    path("settings/lead-rules/<int:pk>/do/<slug:key>/", rules.act, name="lead-rule-do"),
    path("lead-forms/", webforms.index, name="lead-forms"),
    path("lead-forms/new/", webforms.create, name="lead-form-new"),
    path("lead-forms/<int:pk>/", webforms.detail, name="lead-form"),
    path("lead-forms/<int:pk>/edit/", webforms.edit, name="lead-form-edit"),
    path("lead-forms/<int:pk>/qr/", webforms.qr, name="lead-form-qr"),
    path("lead-forms/<int:pk>/preview/", webforms.preview, name="lead-form-preview"),
    path("lead-forms/<int:pk>/renew/", webforms.renew, name="lead-form-renew"),
    path("lead-forms/<int:pk>/delete/", webforms.delete, name="lead-form-delete"),
    path("lead-forms/<int:pk>/switch/<slug:key>/", webforms.switch, name="lead-form-switch"),
    path("f/<str:token>/", public.show, name="public-form"),
    path("leads/<int:pk>/plan/new/", plan.AddView.as_view(), name="lead-plan-new"),
    path("leads/plan/<int:item>/edit/", plan.ContentView.as_view(), name="lead-plan-edit"),
    path("leads/plan/<int:item>/result/", plan.ResultView.as_view(), name="lead-plan-result"),
    path("leads/plan/<int:item>/delete/", plan.RemoveView.as_view(), name="lead-plan-delete"),
]
