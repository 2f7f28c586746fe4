"""The free credits: once for each mailbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from ..running_shop import RunningShop


@pytest.mark.parametrize("spelling", ["pat.lee@gmail.com", "PATLEE@gmail.com", "p.at.lee+2@googlemail.com"])
def test_the_address_is_free_again_and_has_had_its_free_credits(any_shop: RunningShop, spelling: str) -> None:
    customer = any_shop.customer("pat.lee@gmail.com")
    old = customer.owner
    customer.send("/close-account")
    again = any_shop.visitor()

    again.register(spelling)
    again.email = spelling.lower()

    assert again.owner != old
    assert again.balance == 0
    assert "has had its free credits before" in again.get("/").text
    assert "days free first" not in again.get("/subscription").text
    assert again.send("/subscription", plan="large", trial="1").status_code == 409
    new = any_shop.customer("pat.lee@rando.test")
    assert new.balance == 3
    assert "days free first" in new.get("/subscription").text


def test_free_credits_are_given_once_to_aliases_that_come_at_the_same_time(any_shop: RunningShop) -> None:
    visitors = [any_shop.visitor() for _ in range(6)]
    together = Barrier(len(visitors))

    def register(n: int) -> None:
        together.wait()
        visitors[n].register(f"kim+{n}@rando.test")

    with ThreadPoolExecutor(len(visitors)) as threads:
        list(threads.map(register, range(len(visitors))))

    assert sorted(visitor.balance for visitor in visitors) == [0, 0, 0, 0, 0, 3]


def test_an_address_that_an_account_moved_to_has_had_its_free_credits(shop: RunningShop) -> None:
    customer = shop.customer("old@rando.test")
    customer.move_to("new@rando.test")
    customer.send("/close-account")

    assert shop.customer("old@rando.test").balance == 0
    assert shop.customer("new@rando.test").balance == 0
