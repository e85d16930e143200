"""The pages of 审批流程."""

from django.urls import path

from . import trying, versions, views

urlpatterns = [
    path("settings/flows/", views.index, name="flows"),
    path("settings/flows/new/<str:kind>/", views.create, name="flow-new"),
    path("settings/flows/order/<str:kind>/", views.order, name="flow-order"),
    path("settings/flows/read/<str:kind>/", views.say, name="flow-read"),
    path("settings/flows/try/<str:kind>/", trying.attempt, name="flow-try"),
    path("settings/flows/<int:pk>/", views.edit, name="flow"),
    path("settings/flows/<int:pk>/do/<slug:key>/", views.act, name="flow-act"),
    path("settings/flows/<int:pk>/delete/", views.delete, name="flow-delete"),
    path("settings/flows/<int:pk>/versions/", versions.index, name="flow-versions"),
    path("settings/flows/<int:pk>/versions/<str:number>/", versions.show, name="flow-version"),
    path("settings/flows/<int:pk>/versions/<str:number>/restore/", versions.restore, name="flow-restore"),
]
