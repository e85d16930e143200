"""Run in a process of its own: what an import or export job adds to a worker's memory.

python -m crm.bench.memory import FILE PHONE
python -m crm.bench.memory export PHONE
"""

import json
import os
import resource
import sys


def resident() -> float:
    """MiB this process has in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def main(what: str, *arguments: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    django.setup()
    from crm.bench import files
    from crm.celery import app
    from orgs.models import Employee

    app.loader.import_default_modules()
    user = Employee.objects.select_related("department").get(phone=arguments[-1])
    idle = resident()
    rows = files.run_import(arguments[0], user) if what == "import" else files.run_export(user)
    peak, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"idle": idle, "added": max(0.0, peak - idle), "child": child, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
