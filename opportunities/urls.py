"""Addresses of opportunities beyond those every module has."""

from .board.urls import board_urls

urlpatterns = [*board_urls]
