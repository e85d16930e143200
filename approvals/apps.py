from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = "审批"

    def ready(self):
        from . import declared  # noqa: F401  messages, periodic jobs, the part of a handover
