"""/contracts/<pk>/print/, /contracts/<pk>/paper/<template>/ and /settings/contract-templates/"""

from django.urls import path

from . import settings, views

ROOT = "settings/contract-templates/"
urlpatterns = [
    path("contracts/<int:pk>/print/", views.PrintView.as_view(), name="contract-print"),
    path("contracts/<int:pk>/paper/<int:template>/", views.DocxView.as_view(), name="contract-paper"),
    path(ROOT, settings.index, name="contract-templates"),
    path(f"{ROOT}new/", settings.create, name="contract-template-new"),
    path(f"{ROOT}upload/", settings.upload, name="contract-template-upload"),
    path(f"{ROOT}<int:pk>/", settings.edit, name="contract-template"),
    path(f"{ROOT}<int:pk>/preview/", settings.preview, name="contract-template-preview"),
    path(f"{ROOT}<int:pk>/file/", settings.original, name="contract-template-file"),
    path(f"{ROOT}<int:pk>/toggle/", settings.toggle, name="contract-template-toggle"),
    path(f"{ROOT}<int:pk>/delete/", settings.remove, name="contract-template-delete"),
]
