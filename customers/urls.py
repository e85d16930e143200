from django.urls import path

from . import views
from .merging.views import MergeView
from .relations.views import LinkContactView, RelateView, RemoveRelationView, UnlinkContactView

urlpatterns = [
    path("pick/city/", views.cities, name="pick-city"),
    path("contacts/<int:pk>/primary/", views.MakePrimaryView.as_view(), name="contact-primary"),
    path("customers/merge/", MergeView.as_view(), name="customer-merge"),
    path("customers/<int:pk>/relations/new/", RelateView.as_view(), name="customer-relate"),
    path("customers/relations/<int:pk>/remove/", RemoveRelationView.as_view(), name="customer-relation-remove"),
    path("customers/<int:pk>/contacts/link/", LinkContactView.as_view(), name="customer-contact-link"),
    path("customers/contact-links/<int:pk>/remove/", UnlinkContactView.as_view(), name="customer-contact-unlink"),
]
