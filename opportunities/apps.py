from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    name = "opportunities"
    verbose_name = "商机"

    def ready(self):
        from .quotes import exporting, sharing  # noqa: F401  register the job and the letters of quotations
