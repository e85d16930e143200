from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "crm.notices"
    label = "notices"
    verbose_name = "消息"
