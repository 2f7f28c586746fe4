"""What a plan owes, as its customer and the operator read it; what lapses by itself is no debt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import PlanShop, one_line
from .test_failing import fail_next


@pytest.fixture
def shop(databases: Databases) -> Iterator[PlanShop]:
    """A shop with an operator."""
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = PlanShop(databases.fresh("sqlite"), operators=operators)
    yield shop
    shop.close()


def admin(shop: PlanShop, path: str) -> str:
    answer = shop.browser().get(f"/prepaid/admin/{path}")
    assert answer.status_code == 200, answer.text
    return one_line(answer.text)


def owes(shop: PlanShop) -> list[str]:
    """The banners about it on the operator's page of the customer."""
    banners = re.findall(r">(Owes .*?)</p>", admin(shop, "customers/user:1"))
    return [re.sub(r"<[^>]*>", "", banner) for banner in banners]


def fail_renewal(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)


def fail_change(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=3)
    fail_next(shop)
    _, fields = shop.preview("large")
    shop.send("/change", **fields)
    shop.stripe.deliver()


def fail_first_payment(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")
    shop.send(plan="large", saved_card=shop.save_card("pm_card_chargeCustomerFail"))
    shop.stripe.deliver()


def fail_resumption(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("pause")
    shop.pass_time(days=40)
    shop.do("resume", saved_card=shop.save_card("pm_card_chargeCustomerFail"))


def test_an_operator_reads_of_a_renewal_what_is_owed_and_when_it_is_tried_again(shop: PlanShop) -> None:
    fail_renewal(shop)

    (banner,) = owes(shop)

    assert banner.startswith("Owes $10.00 for Small since 28 Feb")
    assert "next try" in banner
    assert "<dt>Owed</dt>" in admin(shop, "plan?owner=user:1")
    assert "Nobody owes anything" not in admin(shop, "dunning")
    assert ">To pay<" in shop.page()


@pytest.mark.parametrize(
    ("happens", "state"),
    [
        (fail_change, State.ACTIVE),
        (fail_first_payment, State.INCOMPLETE),
        (fail_resumption, State.PAUSED),
    ],
)
def test_what_lapses_unless_it_is_paid_is_no_debt(
    shop: PlanShop, happens: Callable[[PlanShop], None], state: State
) -> None:
    happens(shop)
    assert shop.state() is state
    assert ">To pay<" in shop.page()

    assert owes(shop) == []
    assert "<dt>To pay, or it lapses</dt>" in admin(shop, "plan?owner=user:1")
    assert "Nobody owes anything" in admin(shop, "dunning")


def test_a_plan_that_ended_unpaid_owes_nothing_and_asks_for_nothing(shop: PlanShop) -> None:
    fail_renewal(shop)
    shop.pass_time(days=16)
    assert shop.state() is State.CANCELED

    assert owes(shop) == []
    assert "Nobody owes anything" in admin(shop, "dunning")
    for page in (shop.page(), shop.browser().get("/prepaid/billing").text):
        assert ">To pay<" not in page
        assert ">Not paid<" in page
        assert ">Pay<" not in page
