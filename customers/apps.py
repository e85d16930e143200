from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "客户"

    def ready(self):
        from .mailing import jobs  # noqa: F401  registers the job and the letters of mailings
