"""What a card tester meets, and what an honest customer does not."""

from __future__ import annotations

from sqlalchemy import select

from flask_prepaid.payments.models import Attempt
from flask_prepaid.testing import Databases

from ..purchases.test_cards import DECLINES_LATER, charges, leave_card, press
from ..purchases.test_impatient_browsers import session_cookie, token_of
from ..shop import Shop, ShopWith, at_once


def test_one_customer_reaches_stripe_so_often_an_hour_and_others_still_buy(
    shop_with: ShopWith,
) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_HOUR=5)
    answers = [shop.send_form(shop.browser(), "/prepaid/buy", pack="starter") for _ in range(50)]

    honest = shop.send_form(shop.browser("user:2"), "/prepaid/buy", pack="starter")

    assert [answer.status_code for answer in answers] == [303] * 5 + [429] * 45
    assert "Try again in an hour" in answers[-1].text
    assert len(shop.payments("user:1")) == 5
    assert honest.status_code == 303


def test_of_many_presses_at_once_no_more_reach_stripe_than_allowed(databases: Databases) -> None:
    for kind in ("sqlite", "postgresql"):
        shop = Shop(databases.fresh(kind), PREPAID_ATTEMPTS_PER_HOUR=5)
        browser = shop.browser()
        token, cookie = token_of(browser.get("/prepaid/buy").text), session_cookie(browser)

        def press_once(number: int, shop: Shop = shop, token: str = token, cookie: str = cookie) -> int:
            tab = shop.browser()
            tab.set_cookie("session", cookie)
            form = {"pack": "starter", "attempt": f"wish-number-{number:04}", "csrf_token": token}
            return tab.post("/prepaid/buy", data=form).status_code

        statuses = at_once(15, press_once)

        assert statuses.count(303) <= 5, (kind, statuses)
        assert set(statuses) <= {303, 429, 503}
        assert len(shop.payments("user:1")) <= 5
        shop.close()


def test_after_an_hour_it_is_over(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_HOUR=1)
    shop.buy()
    assert shop.send_form(shop.browser(), "/prepaid/buy", pack="starter").status_code == 429

    shop.stripe.advance(minutes=61)

    assert shop.send_form(shop.browser(), "/prepaid/buy", pack="starter").status_code == 303


def test_many_declines_across_the_site_close_the_till(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_DECLINES_PER_HOUR=3)
    cards = {
        f"user:{number}": leave_card(shop, DECLINES_LATER, owner=f"user:{number}") for number in range(5)
    }
    answers = [press(shop, card, owner=owner).status_code for owner, card in cards.items()]

    assert answers == [303, 303, 303, 429, 429]


def test_declines_on_stripes_own_page_count_as_well(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_DECLINES_PER_HOUR=2)
    pages = [shop.buy(owner=f"user:{number}") for number in range(2)]
    for page in pages:
        shop.stripe.decline(page)

    answer = shop.send_form(shop.browser("user:9"), "/prepaid/buy", pack="starter")

    assert answer.status_code == 429
    shop.pay(pages[0])  # a card that is good after all is no sign of a tester
    assert shop.send_form(shop.browser("user:9"), "/prepaid/buy", pack="starter").status_code == 303


def test_one_address_reaches_stripe_so_often_under_whatever_name(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_ADDRESS=5)
    answers = []
    for number in range(10):
        tester = shop.browser(f"user:{number}")
        tester.environ_base["REMOTE_ADDR"] = f"2001:db8:0:1::{number}"  # one network, many addresses
        answers.append(shop.send_form(tester, "/prepaid/buy", pack="starter").status_code)
    honest = shop.browser("user:99")
    honest.environ_base["REMOTE_ADDR"] = "198.51.100.7"

    assert answers == [303] * 5 + [429] * 5
    assert shop.send_form(honest, "/prepaid/buy", pack="starter").status_code == 303


def test_a_client_of_ipv4_is_one_of_its_own_where_a_server_names_it_as_ipv6(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_ADDRESS=2)

    def buys(owner: str, address: str) -> int:
        browser = shop.browser(owner)
        browser.environ_base["REMOTE_ADDR"] = address
        return shop.send_form(browser, "/prepaid/buy", pack="starter").status_code

    assert [buys(f"user:{n}", "::ffff:203.0.113.5") for n in range(3)] == [303, 303, 429]
    assert buys("user:7", "203.0.113.5") == 429
    assert buys("user:8", "::ffff:198.51.100.7") == 303


def test_a_card_that_is_left_counts_like_one_that_pays(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_HOUR=3)
    browser = shop.browser()
    answers = [
        shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/add").status_code for _ in range(5)
    ]

    assert answers == [303] * 3 + [429] * 2
    assert shop.send_form(browser, "/prepaid/buy", pack="starter").status_code == 429


def test_where_somebody_came_from_is_forgotten_after_a_day(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_ADDRESS=5)
    shop.buy()
    addresses = select(Attempt.address)
    assert shop.read(lambda: shop.prepaid.session.scalars(addresses).all()) == ["127.0.0.1"]
    shop.stripe.advance(days=2)
    shop.tick()

    assert shop.read(lambda: shop.prepaid.session.scalars(select(Attempt)).all()) == []


def test_every_decline_reads_the_same(shop: Shop) -> None:
    """A card tester learns nothing from the words."""
    pages = set()
    for owner, number in (("user:1", DECLINES_LATER), ("user:2", DECLINES_LATER)):
        location = press(shop, leave_card(shop, number, owner=owner), owner=owner).location
        page = shop.browser(owner).get(location).text
        assert "insufficient" not in page
        assert "generic_decline" not in page
        pages.add(page)

    assert len(pages) == 1


def test_the_kill_switch_stops_buying_and_nothing_else(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_SELLING=False)
    shop.command("grant", "user:1", "10", "--reason", "before")

    page = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")

    assert page.status_code == 503
    assert "Buying is paused" in page.text
    assert charges(shop) == []
    assert shop.balance() == 10
