from django.urls import path

from . import views
from .pools.urls import pool_urls

urlpatterns = [
    *pool_urls("customer"),
    path("pick/city/", views.cities, name="pick-city"),
    path("contacts/<int:pk>/primary/", views.MakePrimaryView.as_view(), name="contact-primary"),
]
