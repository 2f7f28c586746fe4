"""The process dies in the middle, or Stripe does: a sample of what ``./dev campaign crash`` runs in full."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..shop import Shop, ShopWith
from . import crash

#: How many lines of each story are tried.
LINES = 6


@pytest.mark.parametrize("story", crash.STORIES, ids=lambda story: story.__name__)
def test_killed_at_any_line_it_ends_right(shop_with: ShopWith, story: Callable[[Shop, int], int]) -> None:
    shop = shop_with(webhooks=False, **crash.SETTINGS.get(story, {}))

    assert story(shop, LINES) == LINES


@pytest.mark.parametrize("fault", ["api_500", "lost_reply"])
def test_an_error_before_or_after_the_work_never_charges_twice(deaf_shop: Shop, fault: str) -> None:
    shop = deaf_shop
    shop.stripe.chaos(**{fault: 0.4}, seed=crash.SEED)
    sessions = []
    for _ in range(10):
        sent = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")
        sessions += [shop.session_of(sent)] if sent.status_code == 303 else []
    shop.stripe.chaos()
    for session in sessions:
        shop.pay(session)

    shop.put_right()

    assert shop.balance() == 100 * len(sessions)
    assert sum(charge.amount for charge in shop.charges()) == 500 * len(sessions)
