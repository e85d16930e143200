"""kill -9 while letters go out, on real processes and a real SMTP dialogue: nobody gets two. Two confirmations at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from crm.notices import delivery
from crm.notices.models import Delivery
from crm.notices.tests.servers import smtp_server
from crm.records import jobs
from crm.records.models import Job
from customers.mailing import services as mailing
from customers.models import Mailing, MailingRecipient
from orgs.tests.factories import employee

from .mailing import TOKEN, customer, read
from .test_import_killed import database_url

PEOPLE = 60
SETUP = "import sys, django; django.setup(); from crm.records import jobs, kinds; from crm.notices import delivery; "
QUEUE, SEND = SETUP + "jobs.execute(int(sys.argv[1]))", SETUP + "delivery.sweep()"


def process(code: str, *args, port: int) -> subprocess.Popen:
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "TESTING": "1",
        "DATA_DIR": str(settings.DATA_DIR),
        "PUBLIC_URL": "https://crm.example.com",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
        "SMTP_SECURITY": "none",
        "SMTP_FROM": "crm@example.com",
    }
    return subprocess.Popen([sys.executable, "-c", code, *map(str, args)], env=env, cwd=settings.BASE_DIR)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_worker_killed_again_and_again_sends_nobody_two_letters(monkeypatch, post_office):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    monkeypatch.setattr(mailing, "CHUNK", 20)
    person = employee("甲")
    rows = [customer(person, f"公司{n}", email=f"c{n}@example.com") for n in range(PEOPLE)]
    made = mailing.begin(
        "customer", [row.pk for row in rows], who="primary", subject="您好", body="{{客户名称}}", token=TOKEN, by=person
    )
    with smtp_server() as server:
        first = process(QUEUE, made.job_id, port=server.port)
        while first.poll() is None and not Delivery.objects.exists():
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.wait(60)
        if Job.objects.get(pk=made.job_id).is_active:
            jobs.sweep()
            process(QUEUE, made.job_id, port=server.port).wait(120)
        assert Delivery.objects.count() == PEOPLE == MailingRecipient.objects.exclude(delivery=None).count()
        kills = 0
        for _ in range(20):
            Delivery.objects.filter(state="waiting").update(next_at=timezone.now())
            before, worker = len(server.mails), process(SEND, port=server.port)
            while kills < 3 and worker.poll() is None and len(server.mails) < before + 5:
                time.sleep(0.005)
            if kills < 3 and worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
                kills += 1
            worker.wait(120)
            delivery.sweep(timezone.now() - timedelta(days=1))  # nothing is due in the eyes of yesterday
            if not Delivery.objects.filter(state="waiting").exists():
                break
        delivery.sweep(timezone.now() + timedelta(minutes=6))
        got = Counter(read(raw)["To"] for raw in server.mails)
    states = Counter(Delivery.objects.values_list("state", flat=True))
    assert kills == 3 and set(got.values()) == {1}
    assert states["sent"] + states["unknown"] == PEOPLE and states["unknown"] <= 3
    assert states["sent"] <= len(got) <= PEOPLE


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_confirmations_of_one_page_at_the_same_moment_make_one_mailing(post_office):
    person = employee("甲")
    one, barrier, found = customer(person), threading.Barrier(4), []

    def confirm():
        try:
            barrier.wait()
            values = {"who": "primary", "subject": "您好", "body": "正文", "token": TOKEN, "by": person}
            found.append(mailing.begin("customer", [one.pk], **values).pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=confirm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4 and len(set(found)) == 1
    assert Mailing.objects.count() == 1 == MailingRecipient.objects.count() == Job.objects.count()
