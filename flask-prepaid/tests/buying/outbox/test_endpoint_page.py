"""What a customer reads on the page of one endpoint: how it stands, what is wrong, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flask_prepaid.errors import NotYours

from ..shop import Shop, ShopWith
from .hearing import Program, add, hearing, tell


@pytest.fixture
def program() -> Iterator[Program]:
    with hearing() as program:
        yield program


@pytest.fixture
def shop(shop_with: ShopWith) -> Shop:
    return shop_with(PREPAID_LOCAL_WEBHOOKS=True)


def banner(page: str) -> str:
    """What stands between the head of the page and its buttons, without its tags."""
    part = re.search(r'<div class="alert alert-(?:info|warning)".+?</div>', page, re.S)
    return " ".join(re.sub("<[^>]+>", " ", part[0]).split()) if part else ""


def buttons(page: str) -> list[str]:
    """The buttons and summaries below the title, those of the list left out."""
    head = page.partition("<h1")[2].partition("<table")[0]
    return re.findall(r'class="btn [^"]*btn-sm"[^>]*>([^<]+)<', head)


def test_one_that_is_well_has_its_address_as_title_and_nothing_to_mend(shop: Shop, program: Program) -> None:
    endpoint, _ = add(shop, program.url)
    tell(shop, 1)
    shop.tick()

    page = shop.browser().get(f"/prepaid/endpoints/{endpoint}").text

    assert re.search(rf"<h1[^>]*>{re.escape(program.url)}</h1>", page)
    assert banner(page) == ""
    assert buttons(page)[:2] == ["Send a test", "Show the secret"]
    assert 'btn-outline-danger btn-sm">Remove<' in page


def test_one_that_fails_says_since_when_with_its_last_answer_and_is_tried_at_once(
    shop: Shop, program: Program
) -> None:
    endpoint, _ = add(shop, program.url)
    place = f"/prepaid/endpoints/{endpoint}"
    program.status = 500
    tell(shop, 1)
    shop.tick()
    browser = shop.browser()

    page = browser.get(place).text

    assert banner(page).startswith("It has failed since ")
    assert banner(page).endswith("After three days it is switched off. Its last answer: 500 no Try now")
    assert page.count('<code class="copied">no</code>') == 2, "in the banner, and in the list"
    program.status = 200
    (delivery,) = set(re.findall(r'name="delivery" value="(\d+)"', page))
    assert shop.send_form(browser, place, to=f"{place}/again", delivery=delivery).status_code == 303
    shop.tick()
    assert banner(browser.get(place).text) == ""
    assert program.numbers[-1] == 1


def test_what_we_say_of_an_answer_is_no_quotation(shop: Shop, program: Program) -> None:
    endpoint, _ = add(shop, program.url)
    program.status = 302
    tell(shop, 1)
    shop.tick()

    page = shop.browser().get(f"/prepaid/endpoints/{endpoint}").text

    assert "Its last answer: 302 It redirects, which is not followed." in banner(page)
    assert '<code class="copied">It' not in page


@pytest.mark.parametrize(
    ("status", "words"),
    [(410, "It answered 410 Gone, so it is off."), (200, "You have switched it off.")],
)
def test_one_that_is_off_says_why_and_is_switched_on_there(
    shop: Shop, program: Program, status: int, words: str
) -> None:
    endpoint, _ = add(shop, program.url)
    place = f"/prepaid/endpoints/{endpoint}"
    browser = shop.browser()
    program.status = status
    tell(shop, 1)
    shop.tick()
    if status == 200:
        shop.send_form(browser, place, to=f"{place}/switch", on="0")

    page = browser.get(place).text

    assert banner(page).startswith(words)
    assert banner(page).endswith("Switch on")
    assert "Switch off" not in buttons(page)
    program.status = 200
    shop.send_form(browser, place, to=f"{place}/switch", on="1")
    assert "Switch off" in buttons(browser.get(place).text)


def test_an_endpoint_of_somebody_else_is_not_there(shop: Shop, program: Program) -> None:
    endpoint, _ = add(shop, program.url, "user:2")
    tell(shop, 1, "user:2")
    delivery = shop.read(lambda: shop.prepaid.deliveries("user:2", endpoint))[0].delivery.id
    stranger, mine = shop.browser(), add(shop, program.url)[0]
    for path in (f"{endpoint}", "nonsense", "99999", "9" * 30):
        assert stranger.get(f"/prepaid/endpoints/{path}").status_code == 404
    for action in ("test", "secret", "switch", "remove"):
        place = f"/prepaid/endpoints/{endpoint}/{action}"
        answer = shop.send_form(stranger, "/prepaid/endpoints", to=place, on="0")
        assert answer.status_code == 404
    again = f"/prepaid/endpoints/{mine}/again"
    for number in (str(delivery), "", "x", "9" * 30):
        assert shop.send_form(stranger, "/prepaid/endpoints", to=again, delivery=number).status_code == 404
    with pytest.raises(NotYours):
        shop.read(lambda: shop.prepaid.deliveries("user:1", endpoint))
