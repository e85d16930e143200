"""The Celery application; the whole schedule stands on this page."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

app = Celery("kaihai")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "sweep-jobs": {"task": "crm.records.tasks.sweep_jobs", "schedule": 15.0},
    "clean-up": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["clean_up"],
        "schedule": crontab(hour=3, minute=10),
    },
}
