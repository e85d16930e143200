"""manage.py routes [--json]: every address with its view, permission and methods."""

import json

from django.core.management.base import BaseCommand

from crm.routes import routes


class Command(BaseCommand):
    help = "Lists every URL pattern with its name, view, the permission it needs and the methods it answers."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="one JSON array instead of a table")

    def handle(self, **options):
        found = routes()
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=1))
            return
        for route in found:
            self.stdout.write(
                f"{route['path']:45} {route['permission']:28} {','.join(route['methods']):16} {route['name']}"
            )
