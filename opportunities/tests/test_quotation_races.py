"""Two at the same moment (PostgreSQL): numbers without gaps, one new version of one page, one letter of one page."""

import pytest
from django.core.exceptions import ValidationError

from crm.notices.models import Message
from customers.tests.test_care_races import at_once
from opportunities.models import Quotation, QuotationMail, QuotationShare
from opportunities.quotes import reminding, services, sharing
from orgs.tests.factories import employee

from .quoting import day, opportunity, quote, values

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_twenty_at_once_get_twenty_consecutive_numbers():
    sellers = [employee(f"甲{n}", ["seller"]) for n in range(4)]
    deals = [opportunity(sellers[n % 4]) for n in range(10)]
    work = [lambda deal=deal: quote(deal, by=deal.owner) for deal in [*deals, *deals]]
    assert at_once(*work) == []
    numbers = sorted(int(number[-4:]) for number in Quotation.objects.values_list("number", flat=True))
    assert numbers == list(range(1, 21))


def test_two_people_make_one_version_of_the_same_page():
    seller = employee("甲", ["seller"])
    made = quote(opportunity(seller), by=seller)
    errors = at_once(*[lambda: services.revise(made, values(), version=1, by=seller)] * 4)
    assert len(errors) == 3 and all(isinstance(error, ValidationError) for error in errors)
    assert list(made.versions.values_list("number", flat=True)) == [2, 1]


def test_accepting_and_rejecting_at_once_leaves_one_answer():
    seller = employee("甲", ["seller"])
    made = quote(opportunity(seller), by=seller)
    errors = at_once(
        *[lambda yes=yes: services.decide(made, yes, on=day(), number=1, by=seller) for yes in (True, False)]
    )
    assert len(errors) == 1 and "不能重复登记" in str(errors[0])


def test_one_page_sent_twice_at_once_is_one_letter(settings):
    settings.SMTP_HOST, settings.SMTP_FROM = "mail.example.com", "crm@example.com"
    settings.PUBLIC_URL = "https://crm.example.com"
    seller = employee("甲", ["seller"])
    made = quote(opportunity(seller), by=seller)

    def send():
        sharing.send(
            made,
            1,
            addresses=["li@example.com"],
            subject="报价",
            body="您好",
            expires_on=day(3),
            token="a" * 32,
            by=seller,
        )

    assert at_once(send, send, send) == []
    assert QuotationMail.objects.count() == 1 == QuotationShare.objects.count()


def test_the_morning_run_twice_at_once_tells_once():
    seller = employee("甲", ["seller"])
    services.mark_sent(quote(opportunity(seller), by=seller, valid_until=day(1)), by=seller)
    assert at_once(*[lambda: reminding.run(day())] * 3) == []
    assert Message.objects.filter(kind="quotation").count() == 1
