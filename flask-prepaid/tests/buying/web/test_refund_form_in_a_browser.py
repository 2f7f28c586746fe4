"""The operator's form for a refund in a real browser: it counts the credits as the amount is typed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, Route, expect

from flask_prepaid import Operator, Operators, Role

from ..gateway.wire import free_port, served
from ..shop import ShopWith

pytestmark = pytest.mark.browser


def test_a_refund_that_is_sent_gives_up_the_count_that_is_not_answered_yet(
    shop_with: ShopWith, page: Page
) -> None:
    """The count's late answer would bring back the session of before, and the operator would read no news."""
    shop = shop_with(operators=Operators(current=lambda: Operator("olga", Role.ADMIN)))
    shop.pay(shop.buy())
    held: list[Route] = []
    form = "**/prepaid/admin/payments/1/refund"

    def hold(route: Route) -> None:
        held.append(route)

    with served(shop.app, free_port()) as address:
        page.goto(f"{address}/prepaid/admin/payments/1/refund")
        page.route(form, hold)
        with page.expect_request(form) as count:
            page.get_by_label("Amount").fill("1.00")
        page.get_by_label("Why?").fill("a friendly word")

        with page.expect_event("requestfailed", timeout=10_000) as failed:
            page.evaluate("document.querySelector('[data-counts]').requestSubmit()")
        given_up: Request = failed.value
        assert given_up == count.value

        while len(held) < 2:  # until the refund is held, too
            page.wait_for_timeout(20)
        held[1].continue_()
        expect(page.get_by_role("main")).to_contain_text("Refund of $1.00 for payment 1")
    assert shop.balance() == 80
