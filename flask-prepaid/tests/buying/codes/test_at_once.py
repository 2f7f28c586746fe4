"""Many redeem one code at once, in threads and in processes: it gives exactly what it may."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from sqlalchemy import URL

from ..shop import Shop, ShopWith, at_once
from . import claiming
from .claiming import redeem

PROCESSES = 2


def outcome(shop: Shop, owner: str, code: str) -> str:
    return redeem(shop.app, shop.prepaid, owner, code)


@pytest.mark.each_database
def test_150_at_once_on_a_code_of_100_are_100(shop: Shop) -> None:
    shop.read(lambda: shop.prepaid.make_code("WELCOME", credits=7, max_claims=100))
    url: URL = shop.app.config["SQLALCHEMY_DATABASE_URI"]
    each = 150 // PROCESSES
    where = url.render_as_string(hide_password=False)
    words = [[where, str(number * each), str(each)] for number in range(PROCESSES)]
    workers = [
        subprocess.Popen([sys.executable, claiming.__file__, *typed], stdout=subprocess.PIPE, text=True)
        for typed in words
    ]

    came = Counter(line for worker in workers for line in worker.communicate()[0].split())

    assert came == {"given": 100, "refused": 50}
    (code,) = shop.read(shop.prepaid.codes)
    assert code.claims == 100
    assert sum(shop.balance(f"user:{number}") for number in range(150)) == 700


@pytest.mark.each_database
def test_one_owner_at_once_gets_no_more_than_one_owner_may(shop: Shop) -> None:
    shop.read(lambda: shop.prepaid.make_code("WELCOME", credits=7, per_owner=2))

    came = Counter(at_once(12, lambda number: outcome(shop, "user:1", "WELCOME")))

    assert came == {"given": 2, "refused": 10}
    assert shop.balance() == 14


@pytest.mark.each_database
def test_two_who_redeem_each_others_code_at_once_meet_once(shop: Shop) -> None:
    with shop.app.app_context():
        for number in (1, 2):
            shop.prepaid.make_code(f"FROM{number}", credits=5, referrer=f"user:{number}", referrer_credits=3)

    came = Counter(at_once(2, lambda number: outcome(shop, f"user:{number + 1}", f"FROM{2 - number}")))

    assert came == {"given": 1, "refused": 1}
    assert sorted((shop.balance("user:1"), shop.balance("user:2"))) == [3, 5]


def test_guesses_at_once_are_no_more_than_guesses_one_by_one(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_CODE_GUESSES_PER_HOUR=5)
    shop.read(lambda: shop.prepaid.make_code("WELCOME", credits=7))

    def guess(number: int) -> int:
        browser = shop.browser()
        return shop.send_form(browser, "/prepaid/redeem", code=f"GUESS{number}").status_code

    assert Counter(at_once(8, guess)) == {422: 5, 429: 3}


@pytest.fixture
def shop(shop_with: ShopWith) -> Shop:
    return shop_with(webhooks=False)
