"""Run in a process of its own: what an import or export job adds to a worker's memory.

python -m crm.bench.memory import FILE PHONE
python -m crm.bench.memory export PHONE
"""

import json
import os
import resource
import sys


def memory(line: str) -> float:
    """MiB of this process by /proc/self/status: VmRSS is what it has now, VmHWM the most it ever had. (The peak of getrusage is
    of no use here: a process inherits that of whoever started it.)"""
    with open("/proc/self/status") as file:
        return next(int(text.split()[1]) for text in file if text.startswith(f"{line}:")) / 1024


def main(what: str, *arguments: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    django.setup()
    from crm.bench import files
    from crm.celery import app
    from orgs.models import Employee

    app.loader.import_default_modules()
    user = Employee.objects.select_related("department").get(phone=arguments[-1])
    idle = memory("VmRSS")
    rows = files.run_import(arguments[0], user) if what == "import" else files.run_export(user)
    added = memory("VmHWM") - idle
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"idle": idle, "added": max(0.0, added), "child": child, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
