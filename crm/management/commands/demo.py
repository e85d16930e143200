"""manage.py demo: the demo company, once."""

from django.core.management.base import BaseCommand

from crm import demodata


class Command(BaseCommand):
    help = (
        "Creates the demo company 开海科技 (accounts 138000000xx, password kaihai-demo). A second run changes nothing."
    )

    def handle(self, **options):
        if demodata.exists():
            self.stdout.write("演示公司已经存在，没有改动。")
            return
        made = demodata.make()
        self.stdout.write("演示公司开海科技已创建：" + "，".join(f"{name} {count}" for name, count in made.items()))
