"""A stranger with a phone: from the home page to credits that are paid for, counted by what the hands do.

No clock judges. Each tap and each letter has the time that people were found to need for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import Running
from .test_newcomer import ADDRESS

pytestmark = pytest.mark.browser

#: Seconds for a letter on a phone's keyboard: https://doi.org/10.1145/3338286.3340120, 36 words a minute.
TO_TYPE = 0.33

#: Seconds to point at something, and to make up one's mind: https://doi.org/10.1145/358886.358895
TO_POINT, TO_DECIDE = 1.1, 1.35

#: Seconds until a page is there, on a line like 4G.
TO_LOAD = 1.0

MINUTE = 60
PASSWORD = "rain on roofs"


@dataclass
class Thumbs:
    """Two thumbs on a phone, which have filled in nothing of themselves here before."""

    page: Page
    taps: int = 0
    letters: int = 0
    pages: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        by_hand = self.letters * TO_TYPE + self.taps * TO_POINT
        return by_hand + len(self.pages) * (TO_DECIDE + TO_LOAD)

    def tap(self, what: Locator) -> None:
        what.tap()
        self.taps += 1

    def write(self, label: str, text: str) -> None:
        self.tap(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(text)
        self.letters += len(text)

    def sees(self, heading: str) -> None:
        """Another page, which is read at its heading."""
        expect(self.page.get_by_role("heading", name=heading).first).to_be_visible()
        self.pages.append(heading)


@pytest.fixture
def thumbs(browser: Browser) -> Iterator[Thumbs]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, locale="en-US"
    )
    yield Thumbs(context.new_page())
    context.close()


def test_a_stranger_with_a_phone_has_paid_for_credits_within_a_minute(thumbs: Thumbs, shop: Running) -> None:
    page = thumbs.page
    page.goto(shop.url)
    thumbs.sees("Random Number Generator")
    thumbs.tap(page.get_by_role("link", name="Buy 10"))
    register(thumbs, "pay@first.test")

    thumbs.sees("Buy Credits")
    thumbs.tap(page.get_by_role("button", name="Continue to pay $10.00"))
    thumbs.sees("Pay with a card")
    thumbs.write("Card number", "4242424242424242")
    thumbs.write("Expiry", "1234")
    thumbs.write("Security code", "123")
    thumbs.write("Postal code", ADDRESS["postal_code"])
    thumbs.tap(page.get_by_role("button", name="Pay $10.00"))

    expect(page.get_by_role("heading", name="10 credits added for $10.00")).to_be_visible()
    assert thumbs.seconds < MINUTE, thumbs


def test_a_stranger_with_a_phone_has_a_free_number_within_half_a_minute(
    thumbs: Thumbs, shop: Running
) -> None:
    page = thumbs.page
    page.goto(shop.url)
    thumbs.sees("Random Number Generator")
    thumbs.tap(page.get_by_role("link", name="Get 3 free numbers"))
    register(thumbs, "free@first.test")

    thumbs.sees("Your Random Number")
    thumbs.tap(page.get_by_role("button", name="Get Your Number"))

    expect(page.get_by_text("1 credit taken, 2 left.")).to_be_visible()
    assert thumbs.seconds < MINUTE / 2, thumbs


def register(thumbs: Thumbs, email: str) -> None:
    thumbs.sees("Register")
    thumbs.write("Email", email)
    thumbs.write("Password", PASSWORD)
    thumbs.tap(thumbs.page.locator("main").get_by_role("button", name="Register"))
