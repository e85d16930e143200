"""manage.py seed: bulk data for measuring."""

import time

from django.core.management.base import BaseCommand, CommandError

from crm import seeding


class Command(BaseCommand):
    help = (
        "Loads a company of the given size in realistic proportions: departments, employees, customers (a fifth without owner, "
        "one in twenty deleted), contacts, team members, products, opportunities, leads, log and search lines. Adds to what is there."
    )

    def add_arguments(self, parser):
        parser.add_argument("--customers", type=int, required=True)
        parser.add_argument("--employees", type=int, help="default: one for 50 customers, at least 20, at most 2,000")
        parser.add_argument("--seed", type=int, default=1, help="the same number gives the same rows")

    def handle(self, **options):
        if not 1 <= options["customers"] <= 100_000_000 or (options["employees"] or 20) < 6:
            raise CommandError("--customers 1 到 100,000,000，--employees 至少 6")
        start = time.monotonic()
        size = seeding.Size.of(options["customers"], options["employees"])
        seeding.seed(size, number=options["seed"], report=lambda line: self.stdout.write(line))
        self.stdout.write(f"完成，{time.monotonic() - start:.1f} 秒")
