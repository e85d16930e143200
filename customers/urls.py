from django.urls import path

from . import views
from .care import settings as care_settings
from .care import views as care

urlpatterns = [
    path("pick/city/", views.cities, name="pick-city"),
    path("contacts/<int:pk>/primary/", views.MakePrimaryView.as_view(), name="contact-primary"),
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
