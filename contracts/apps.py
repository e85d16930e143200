from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "contracts"
    verbose_name = "合同"

    def ready(self):
        from . import execution, tabs  # noqa: F401  the nightly work, and what stands on the pages of others
