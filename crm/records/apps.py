from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RecordsConfig(AppConfig):
    name = "crm.records"
    label = "records"
    verbose_name = "记录"

    def ready(self):
        import crm.celery  # noqa: F401  tasks go to our broker, whichever process queues them

        from . import announcements, lookups  # noqa: F401  registers message kinds and lookups

        autodiscover_modules("module")
