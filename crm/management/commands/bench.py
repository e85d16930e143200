"""manage.py bench [NAME ...] [--json]: the speed targets of docs/performance.md."""

import json

from django.core.management.base import BaseCommand, CommandError

from crm import bench


class Command(BaseCommand):
    help = "Measures the speed targets and prints one line each; the exit code is 1 when one is missed."

    def add_arguments(self, parser):
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(bench.NAMES)}; all without")
        parser.add_argument("--json", action="store_true", help="one JSON object per line")
        parser.add_argument(
            "--rows", type=int, default=0, help="measure on this little data: for trying the harness only"
        )

    def handle(self, **options):
        targets = bench.load()
        unknown = [name for name in options["names"] if name not in targets]
        if unknown:
            raise CommandError(f"unknown: {', '.join(unknown)}; there are {', '.join(bench.NAMES)}")
        missed = False
        for name in options["names"] or bench.NAMES:
            try:
                line = targets[name](bench.Options(rows=options["rows"])).line()
            except bench.NotMeasured as reason:
                line = {
                    "name": name,
                    "value": None,
                    "target": "",
                    "ok": False,
                    "unit": "",
                    "how": f"not measured: {reason}",
                }
            missed |= not line["ok"]
            self.stdout.write(json.dumps(line, ensure_ascii=False) if options["json"] else _words(line))
            self.stdout.flush()
        if missed:
            raise SystemExit(1)


def _words(line: dict) -> str:
    state = "ok    " if line["ok"] else "MISSED"
    return f"{line['name']:4} {state} {line['value']} {line['unit']} ({line['target']}): {line['how']}"
