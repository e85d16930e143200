from django.urls import path

from .lines import views as lines

urlpatterns = [
    path("opportunities/lines/export/", lines.OpportunityLinesExportView.as_view(), name="opportunity-lines-export"),
    path("opportunities/<int:pk>/lines/", lines.OpportunityLinesView.as_view(), name="opportunity-lines"),
    path("opportunities/<int:pk>/lines/row/", lines.OpportunityRowView.as_view(), name="opportunity-lines-row"),
]
