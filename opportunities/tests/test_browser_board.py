"""The board in a real browser: drag, the menu twin by keyboard, what a stage demands, a refused move, a phone."""

import pytest
from django.utils import timezone

from crm.records import services
from customers.models import Customer
from opportunities.models import Opportunity, Stage
from orgs.tests.factories import PASSWORD, department, employee

from .test_board import deal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def at_work(page):
    """A seller signed in, with three opportunities in the first stage and a colleague's that one may only look at."""
    east = department("华东")
    seller, colleague = employee("林晓岚", ["seller"], east), employee("许一诺", ["seller"], east)
    customer = services.create(Customer(name="云澜智造", owner=seller), by=seller)
    made = [deal(customer, seller, name=name, amount="1000") for name in ("数据中台", "条码改造", "设备联网")]
    made.append(deal(customer, colleague, name="同事的", amount="500"))
    page.goto("/login/")
    page.fill("input[name=username]", seller.phone)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")
    return made


def stages() -> list[Stage]:
    return list(Stage.objects.order_by("order"))


def drag(page, made, lane: str) -> None:
    start, end = page.locator(f"#deal-{made.pk}").bounding_box(), page.locator(f"#lane-{lane}").bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 80, start["y"] + 60, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 120, steps=12)
    page.mouse.up()
    answered(page)


def answered(page) -> None:
    """Wait until the server has answered: a dragged card stands in its new lane before that."""
    page.wait_for_selector(".k-deal.is-sent", state="detached")


def counted(page, lane: str) -> str:
    return page.inner_text(f"#head-{lane} .k-tab-count")


def test_a_card_is_dragged_and_only_heads_and_card_change(page, at_work):
    first, second = (f"s{one.pk}" for one in stages()[:2])
    page.goto("/opportunities/board/")
    page.evaluate("window.stayed = true")
    drag(page, at_work[0], second)
    page.wait_for_selector(".k-toast >> text=已推进到")
    page.wait_for_selector(f"#lane-{second} #deal-{at_work[0].pk}")
    assert (counted(page, first), counted(page, second)) == ("3", "1")
    assert "1,000" in page.inner_text(f"#head-{second}") and page.evaluate("window.stayed")
    assert Opportunity.objects.get(pk=at_work[0].pk).stage == stages()[1]
    drag(page, at_work[3], second)  # only to look at
    assert page.locator(f"#lane-{first} #deal-{at_work[3].pk}").count() == 1
    drag(page, at_work[0], stages()[2] and f"s{stages()[2].pk}")  # again, with the version the answer brought
    page.wait_for_selector(f"#lane-s{stages()[2].pk} #deal-{at_work[0].pk}")
    assert Opportunity.objects.get(pk=at_work[3].pk).stage == stages()[0]


def test_a_stage_that_demands_fields_asks_for_them_and_escape_leaves_the_card_where_it_was(page, at_work):
    third = stages()[2]
    Stage.objects.filter(pk=third.pk).update(required=["expected_on", "remark"])
    made = at_work[1]
    page.goto("/opportunities/board/")
    drag(page, made, f"s{third.pk}")
    page.wait_for_selector("#dialog[open] [name=remark]")
    assert page.locator("#dialog .k-field").count() == 2
    page.keyboard.press("Escape")
    page.wait_for_selector("#dialog:not([open])", state="attached")
    assert page.locator(f"#lane-s{stages()[0].pk} #deal-{made.pk}").count() == 1
    drag(page, made, f"s{third.pk}")
    page.wait_for_selector("#dialog[open] [name=remark]")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector("#dialog .k-error")
    page.fill("#dialog [name=expected_on]", f"{timezone.localdate():%Y-%m-%d}")
    page.fill("#dialog [name=remark]", "某家")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f"#lane-s{third.pk} #deal-{made.pk} >> text={timezone.localdate():%m-%d}")
    assert not page.evaluate("document.querySelector('#dialog').open") and counted(page, f"s{third.pk}") == "1"
    made.refresh_from_db()
    assert (made.stage, made.remark) == (third, "某家")


def test_the_menu_does_the_same_by_keyboard_and_ends_ask_for_a_reason(page, at_work):
    made, second = at_work[2], stages()[1]
    page.goto("/opportunities/board/")
    page.focus(f"#deal-{made.pk}")
    page.keyboard.press("Enter")
    page.wait_for_selector("#deal-menu:popover-open")
    assert f"推进到{stages()[0].name}" not in page.inner_text("#deal-menu")
    page.keyboard.press("Escape")
    assert page.locator("#deal-menu:popover-open").count() == 0
    page.focus(f"#deal-{made.pk}")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#lane-s{second.pk} #deal-{made.pk}")
    answered(page)
    page.wait_for_selector(f"#deal-{made.pk}:focus")
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#dialog[open] [name=reason]")
    page.select_option("#dialog select[name=reason]", label="预算不足")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector(f"#deal-{made.pk}", state="detached")
    assert counted(page, "lost") == "1"
    page.click("#lane-lost .k-lane-open")
    page.wait_for_selector(f"#lane-lost .k-lane-cards #deal-{made.pk}")
    made.refresh_from_db()
    assert (made.state, made.close_reason.label) == ("lost", "预算不足")


def test_a_card_somebody_moved_meanwhile_goes_to_where_it_is(page, at_work):
    made, (first, second, third, _) = at_work[0], stages()
    page.goto("/opportunities/board/")
    Opportunity.objects.filter(pk=made.pk).update(stage=second, version=9, amount="777")
    drag(page, made, f"s{third.pk}")
    page.wait_for_selector(".k-toast.is-error >> text=刚被别人修改")
    page.wait_for_selector(f"#lane-s{second.pk} #deal-{made.pk} >> text=777")
    Opportunity.objects.filter(pk=made.pk).update(deleted_at=timezone.now())
    drag(page, made, f"s{first.pk}")
    page.wait_for_selector(".k-toast.is-error >> text=没有找到这条记录")
    page.wait_for_selector(f"#lane-s{second.pk} #deal-{made.pk}")


def test_lanes_snap_on_a_phone_and_the_menu_fits(page, at_work):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/opportunities/board/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.eval_on_selector(".k-board", "board => getComputedStyle(board).scrollSnapType").startswith("x")
    page.click(f"#deal-{at_work[0].pk} [data-deal-menu]")
    box = page.locator("#deal-menu").bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= 390
    page.click("#deal-menu >> text=推进到" + stages()[1].name)
    page.wait_for_selector(f"#lane-s{stages()[1].pk} #deal-{at_work[0].pk}", state="attached")
    answered(page)
    page.click(".k-faces >> text=预测")
    page.wait_for_selector(".k-forecast-chart")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
