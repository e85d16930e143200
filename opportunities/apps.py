from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    name = "opportunities"
    verbose_name = "商机"

    def ready(self):
        from .quotes import sharing  # noqa: F401  registers the letters of quotations
