"""Addresses of approvals."""

from .inbox.urls import urlpatterns as inbox
from .requests.urls import urlpatterns as requests

urlpatterns = [*inbox, *requests]
