"""A host that answers no error of the database itself: its customers are told to come again, all the same."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ..shop import ShopWith

PAGES = ("/prepaid/buy", "/prepaid/buy/custom", "/prepaid/cards", "/prepaid/plan")


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_no_connection_is_free(shop_with: ShopWith, accept: str) -> None:
    shop = shop_with(SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 2, "max_overflow": 0, "pool_timeout": 0.05})
    browser = shop.browser()
    assert browser.get("/prepaid/buy", headers={"Accept": accept}).status_code == 200

    with shop.app.app_context(), ExitStack() as held:
        for _ in range(2):
            held.enter_context(shop.db.engine.connect())
        answers = [browser.get(path, headers={"Accept": accept}) for path in PAGES]

    assert {answer.status_code for answer in answers if answer.status_code != 200} == {503}
    for answer in answers:
        assert answer.status_code == 200 or answer.headers["Retry-After"]
    assert browser.get("/prepaid/cards", headers={"Accept": accept}).status_code == 200
