"""manage.py reclaim_pool [--today 2026-01-31] [--dry-run]: the nightly run of the public pool by hand."""

from datetime import date

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.pools import kinds, reclaim


class Command(BaseCommand):
    help = "Moves the records the pool rules take on a day into their pools; running it again moves nothing more."

    def add_arguments(self, parser):
        parser.add_argument("--today", help="the day of the run, 2026-01-31 (default: today)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be moved and by which rule")

    def handle(self, **options):
        try:
            day = date.fromisoformat(options["today"]) if options["today"] else timezone.localdate()
        except ValueError:
            raise CommandError("--today takes a date such as 2026-01-31") from None
        for kind in kinds.ALL.values():
            if not options["dry_run"]:
                self.stdout.write(f"{kind.of.label}: {reclaim.run(kind, day):,}")
                continue
            for clause, rows in reclaim.expected(kind, day, kind.model.objects.all()):
                self.stdout.write(f"{kind.of.label}: {clause.pool.name}, {clause.words}: {rows.count():,}")
