"""Two at the same moment (PostgreSQL): lines saved by two people, a stage moved meanwhile, stock counted twice."""

from decimal import Decimal

import pytest

from crm.records import services
from customers.tests.test_care_races import at_once
from opportunities import stages
from opportunities.models import Opportunity, OpportunityLine, State
from products import arithmetic
from products import services as goods
from products.lines import save_lines
from products.models import ListPrice, PriceList, Product
from products.prices import services as prices

from . import support

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def holds(deal) -> None:
    """The amount is the total of the lines that stand there."""
    deal = Opportunity.objects.get(pk=deal.pk)
    lines = list(deal.lines.all())
    assert deal.amount == arithmetic.total((line.subtotal for line in lines), deal.discount)


def test_of_two_who_save_lines_at_once_one_is_told():
    at = support.company()

    def save(product, by):
        def act():
            deal = Opportunity.objects.get(pk=at.deal.pk)
            row = support.row(product, "10", "3")
            save_lines(deal, [row], discount="0", by=by, version=at.deal.version)

        return act

    errors = at_once(save(at.pump, at.seller), save(at.valve, at.manager), save(at.valve, at.keeper))
    assert [type(error) for error in errors] == [services.Stale] * 2
    assert OpportunityLine.objects.count() == 1
    holds(at.deal)


def test_closing_and_saving_lines_at_once_leaves_no_closed_opportunity_with_other_figures():
    at = support.company()
    version = at.deal.version
    errors = at_once(
        lambda: save_lines(at.deal, [support.row(at.pump)], discount="0", by=at.seller, version=version),
        lambda: stages.close(Opportunity.objects.get(pk=at.deal.pk), State.WON, by=at.manager),
    )
    assert len(errors) <= 1
    if OpportunityLine.objects.exists():
        holds(at.deal)
    else:
        assert type(errors[0]) is services.Stale


def test_stock_that_is_added_twice_at_once_is_added_twice():
    at = support.company()
    figures = {at.pump.pk: Decimal(5), at.valve.pk: Decimal(2)}
    errors = at_once(*[lambda: goods.set_stock(figures, mode="add", by=at.keeper)] * 4)
    assert errors == []
    assert list(Product.objects.order_by("pk").values_list("stock", flat=True)) == [Decimal(20), Decimal(8)]


def test_prices_of_a_list_set_at_once_stand_once():
    at = support.company()
    one = prices.keep(PriceList(name="渠道价"), levels=[], departments=[], by=at.keeper)
    errors = at_once(*[lambda n=n: prices.set_prices(one, {at.pump.pk: Decimal(n)}, by=at.keeper) for n in range(1, 5)])
    assert errors == []
    assert ListPrice.objects.count() == 1
