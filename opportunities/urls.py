"""Addresses of opportunities beyond those every module has."""

from django.urls import include, path

from . import settings, views
from .board.urls import board_urls
from .lines import views as lines

urlpatterns = [
    *board_urls,
    path("opportunities/lines/export/", lines.OpportunityLinesExportView.as_view(), name="opportunity-lines-export"),
    path("opportunities/<int:pk>/lines/", lines.OpportunityLinesView.as_view(), name="opportunity-lines"),
    path("opportunities/<int:pk>/lines/row/", lines.OpportunityRowView.as_view(), name="opportunity-lines-row"),
    path("opportunities/<int:pk>/move/", views.MoveView.as_view(), name="opportunity-move"),
    path("opportunities/<int:pk>/tick/", views.TickView.as_view(), name="opportunity-tick"),
    path("opportunities/<int:pk>/people/new/", views.StakeholderView.as_view(), name="opportunity-person-new"),
    path("opportunities/<int:pk>/people/<int:row>/", views.StakeholderView.as_view(), name="opportunity-person"),
    path(
        "opportunities/<int:pk>/people/<int:row>/remove/",
        views.StakeholderRemoveView.as_view(),
        name="opportunity-person-remove",
    ),
    path("opportunities/<int:pk>/competitors/new/", views.CompetitorView.as_view(), name="opportunity-rival-new"),
    path("opportunities/<int:pk>/competitors/<int:row>/", views.CompetitorView.as_view(), name="opportunity-rival"),
    path(
        "opportunities/<int:pk>/competitors/<int:row>/remove/",
        views.CompetitorRemoveView.as_view(),
        name="opportunity-rival-remove",
    ),
    path("settings/pipelines/", settings.index, name="pipelines"),
    path("settings/pipelines/new/", settings.create, name="pipeline-new"),
    path("settings/pipelines/<int:pk>/", settings.edit, name="pipeline"),
    path("settings/pipelines/<int:pk>/do/<slug:key>/", settings.act, name="pipeline-act"),
    path("settings/pipelines/<int:pk>/delete/", settings.delete, name="pipeline-delete"),
    path("settings/pipelines/<int:pk>/stages/new/", settings.create_stage, name="pipeline-stage-new"),
    path("settings/stages/<int:pk>/", settings.edit_stage, name="stage"),
    path("settings/stages/<int:pk>/do/<slug:key>/", settings.act_on_stage, name="stage-act"),
    path("settings/stages/<int:pk>/delete/", settings.delete_stage, name="stage-delete"),
    path("", include("opportunities.quotes.urls")),
]
