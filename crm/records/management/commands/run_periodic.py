"""run_periodic NAME: one periodic job, now, whether its period was done already or not."""

from django.core.management.base import BaseCommand, CommandError

from crm.records import kinds, periodic  # noqa: F401 (kinds registers the periodic jobs)


class Command(BaseCommand):
    help = "Runs a periodic job now; without a name lists them"

    def add_arguments(self, parser):
        parser.add_argument("name", nargs="?", default="")

    def handle(self, *, name, **options):
        if not name:
            for job in periodic.ALL.values():
                self.stdout.write(f"{job.name}: {job.label}（{job.schedule}）")
            return
        if name not in periodic.ALL:
            raise CommandError(f"没有“{name}”这个周期任务，可用：{'、'.join(periodic.ALL)}")
        row = periodic.run(name, by_hand=True)
        self.stdout.write(row.result)
        if row.result.startswith("出错"):
            raise CommandError(f"周期任务 {name} 没有完成。")
