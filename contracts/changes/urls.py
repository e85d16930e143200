"""/contracts/<pk>/change/ and /contracts/<pk>/versions/"""

from django.urls import path

from . import views

urlpatterns = [
    path("contracts/<int:pk>/change/", views.ChangeView.as_view(), name="contract-change"),
    path("contracts/<int:pk>/change/row/", views.ChangeRowView.as_view(), name="contract-change-row"),
    path("contracts/<int:pk>/change/discard/", views.DiscardView.as_view(), name="contract-change-discard"),
    path("contracts/<int:pk>/change/submit/", views.SubmitView.as_view(), name="contract-change-submit"),
    path("contracts/<int:pk>/versions/compare/", views.CompareView.as_view(), name="contract-versions-compare"),
    path("contracts/<int:pk>/versions/<int:version>/", views.VersionView.as_view(), name="contract-version"),
]
