from django.urls import include, path

from . import views

urlpatterns = [
    path("pick/city/", views.cities, name="pick-city"),
    path("contacts/<int:pk>/primary/", views.MakePrimaryView.as_view(), name="contact-primary"),
    path("", include("customers.mailing.urls")),
]
