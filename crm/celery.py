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
    "sweep-deliveries": {"task": "crm.notices.tasks.sweep_deliveries", "schedule": 30.0},
    "message-digest": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["message_digest"],
        "schedule": crontab(hour=8, minute=30),
    },
    "mailing-states": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["mailing_states"],
        "schedule": crontab(hour=3, minute=35),
    },
    "clean-messages": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["clean_messages"],
        "schedule": crontab(hour=3, minute=40),
    },
    "team-expiry": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["team_expiry"],
        "schedule": crontab(hour=0, minute=20),
    },
    "handover-requests": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["handover_requests"],
        "schedule": crontab(hour=0, minute=40),
    },
    "pool-reclaim": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["pool_reclaim"],
        "schedule": crontab(hour=0, minute=30),
    },
    "pool-reminders": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["pool_reminders"],
        "schedule": crontab(hour=8, minute=10),
    },
    "churn": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["churn"],
        "schedule": crontab(hour=0, minute=40),
    },
    "care": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["care"],
        "schedule": crontab(hour=0, minute=50),
    },
    "care-reminder": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["care_reminder"],
        "schedule": crontab(hour=8, minute=0),
    },
    "opportunity-close": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["opportunity_close"],
        "schedule": crontab(hour=0, minute=55),
    },
    "opportunity-counts": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["opportunity_counts"],
        "schedule": crontab(hour=3, minute=20),
    },
    "invoice-figures": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["invoice_figures"],
        "schedule": crontab(hour=3, minute=25),
    },
    "opportunity-reminders": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["opportunity_reminders"],
        "schedule": crontab(hour=8, minute=20),
    },
    "contract-execution": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["contract_execution"],
        "schedule": crontab(hour=0, minute=15),
    },
    "contract-reminders": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["contract_reminders"],
        "schedule": crontab(hour=8, minute=25),
    },
    "contract-counts": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["contract_counts"],
        "schedule": crontab(hour=3, minute=25),
    },
    "payment-figures": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["payment_figures"],
        "schedule": crontab(hour=0, minute=25),
    },
    "payment-reminders": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["payment_reminders"],
        "schedule": crontab(hour=8, minute=15),
    },
    "lead-rules": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["lead_rules"],
        "schedule": crontab(minute="*/5"),
    },
    "handovers": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["handovers"],
        "schedule": crontab(minute="*/5"),
    },
    "quotation-reminders": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["quotation_reminders"],
        "schedule": crontab(hour=8, minute=20),
    },
    "approval-limits": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["approval_limits"],
        "schedule": crontab(minute="*/5"),
    },
    "approval-views": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["approval_views"],
        "schedule": crontab(hour=0, minute=25),
    },
    "clean-up": {
        "task": "crm.records.tasks.run_periodic",
        "args": ["clean_up"],
        "schedule": crontab(hour=3, minute=10),
    },
}
