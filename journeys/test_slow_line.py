"""A stranger on a slow line sees the shop soon."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from .conftest import Running
from .slow_line import slow_line

pytestmark = pytest.mark.browser

MAX_MS = 2000

FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def test_the_very_first_page_is_painted_within_two_seconds_on_slow_3g(
    shop: Running, browser: Browser
) -> None:
    """The best of three visits, each with nothing kept: others may be at work on the machine."""
    visits = [first_paint_ms(browser, shop.url) for _ in range(3)]

    assert min(visits) < MAX_MS, visits


def first_paint_ms(browser: Browser, url: str) -> float:
    with slow_line() as proxy:
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, proxy={"server": proxy, "bypass": "<-loopback>"}
        )
        page = context.new_page()
        page.goto(url, wait_until="load")
        painted: float = page.wait_for_function(FIRST_PAINT).json_value()
        context.close()
    return painted
