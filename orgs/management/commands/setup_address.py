"""manage.py setup_address: the address of the one-time set-up page, nothing once somebody can sign in."""

from django.core.management.base import BaseCommand
from django.urls import reverse

from orgs.views.setup import token


class Command(BaseCommand):
    help = "输出首次设置页的地址；已有账号时不输出。"

    def handle(self, *args, **options):
        if found := token():
            self.stdout.write(reverse("setup", args=[found]))
