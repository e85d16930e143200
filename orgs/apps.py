from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"
    verbose_name = "组织"

    def ready(self):
        from . import signals  # noqa: F401  the sign-in log listens to django-axes and django.contrib.auth
        from .handover import declared  # noqa: F401  jobs, messages, the way back
