"""Routes of the board and the forecast."""

from django.urls import path

from .forecast_views import ForecastView
from .views import BoardView, LaneView, MoveView

board_urls = [
    path("opportunities/board/", BoardView.as_view(), name="opportunity-board"),
    path("opportunities/board/lane/", LaneView.as_view(), name="opportunity-board-lane"),
    path("opportunities/board/<int:pk>/move/", MoveView.as_view(), name="opportunity-board-move"),
    path("opportunities/forecast/", ForecastView.as_view(), name="opportunity-forecast"),
]
