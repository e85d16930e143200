from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    name = "opportunities"
    verbose_name = "商机"

    def ready(self):
        from .quotes import approving, exporting, sharing  # noqa: F401  register the document, the job and the letters
