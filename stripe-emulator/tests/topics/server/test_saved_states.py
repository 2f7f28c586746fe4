"""States that are kept by a name, and worlds that can be repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stripe
from werkzeug.test import Client

from stripe_emulator import Emulator
from stripe_emulator.core.errors import InvalidRequest, NotFound

from ..shop import Shop


@pytest.fixture(params=["memory", "file"])
def emulator(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = Emulator(tmp_path / "shop.sqlite3" if request.param == "file" else None)
    yield made
    made.close()


def test_a_test_goes_back_to_where_it_began(emulator: Emulator) -> None:
    shop = Shop(emulator)
    customer = shop.customer()
    emulator.save("one-customer")

    shop.v1.customers.delete(customer)
    shop.charge(return_url="https://shop.example")
    emulator.advance(days=40)
    emulator.load("one-customer")

    assert shop.v1.customers.retrieve(customer).email == "jo@example.com"
    assert shop.v1.payment_intents.list().data == []
    assert "customer.deleted" not in shop.events()


def test_what_a_test_changed_is_told(emulator: Emulator) -> None:
    shop = Shop(emulator, hears=False)
    customer, other = shop.customer(card=None), shop.v1.products.create({"name": "Pen"})
    emulator.save("before")

    shop.v1.customers.update(customer, {"name": "Jo"})
    shop.v1.products.delete(other.id)
    coupon = shop.v1.coupons.create({"percent_off": 10, "duration": "once"})
    difference = emulator.diff("before")

    assert difference["created"] == [{"object": "coupon", "id": coupon.id}]
    assert difference["changed"] == [
        {"object": "customer", "id": customer, "before": {"name": None}, "after": {"name": "Jo"}}
    ]
    assert difference["deleted"] == [{"object": "product", "id": other.id}]
    assert difference["events"] == ["customer.updated", "product.deleted", "coupon.created"]


def test_who_listens_goes_on_listening(emulator: Emulator) -> None:
    Shop(emulator, hears=False).customer()
    emulator.save("nobody-listens")
    shop = Shop(emulator)

    emulator.load("nobody-listens")
    shop.v1.customers.create({})

    assert shop.listen() == ["customer.created"]


def test_a_state_outlives_the_process_beside_its_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite3"
    first = Emulator(path)
    customer = Shop(first, hears=False).customer(card=None)
    first.save("one")
    first.reset()
    first.close()

    second = Emulator(path)
    assert second.state()["saved"] == ["one"]
    second.load("one")
    assert Shop(second, hears=False).v1.customers.retrieve(customer).id == customer
    second.close()


def test_a_state_that_was_not_saved_is_named(emulator: Emulator) -> None:
    emulator.save("known")

    for ask in (emulator.load, emulator.diff):
        with pytest.raises(NotFound, match="No state was saved as 'other'; there are: known"):
            ask("other")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 65, ".hidden"])
def test_a_name_is_no_path(emulator: Emulator, name: str) -> None:
    with pytest.raises(InvalidRequest, match="letters, digits"):
        emulator.save(name)


def posted(browser: Client, path: str, **body: Any) -> tuple[int, Any]:
    answer = browser.post(path, json=body)
    return answer.status_code, json.loads(answer.text)


def test_states_over_http(stripe_emulator: Emulator) -> None:
    shop, browser = Shop(stripe_emulator, hears=False), stripe_emulator.browser()

    assert posted(browser, "/_emulator/save", name="empty")[1]["saved"] == ["empty"]
    shop.customer(card=None)
    assert posted(browser, "/_emulator/diff", name="empty")[1]["events"] == ["customer.created"]
    assert posted(browser, "/_emulator/load", name="empty")[1]["objects"] == {}
    assert posted(browser, "/_emulator/load", name="none")[0] == 404
    assert posted(browser, "/_emulator/save")[0] == 400


def history(emulator: Emulator) -> Any:
    """A life with ids, secrets and times in it."""
    shop = Shop(emulator, hears=False)
    subscription = shop.subscribe(shop.customer(), shop.price())
    emulator.advance(months=2)
    emulator.pay(shop.checkout())
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"email": "nobody"})
    events = [event.to_dict() for event in shop.v1.events.list({"limit": 100}).auto_paging_iter()]
    for event in events:
        event["request"].pop("idempotency_key")  # the SDK draws it
    return [subscription.to_dict(), shop.latest(str(subscription.customer)).to_dict(), events]


def test_the_same_seed_makes_the_same_world() -> None:
    first, again, other = (Emulator(seed=seed) for seed in (7, 7, 8))
    worlds = [history(emulator) for emulator in (first, again, other)]
    first.reset(seed=7)

    assert worlds[0] == worlds[1] == history(first)
    assert worlds[0][0]["id"] != worlds[2][0]["id"]
    for emulator in (first, again, other):
        emulator.close()


def test_without_a_seed_ids_can_not_be_guessed() -> None:
    first, second = Emulator(now=1_767_225_600), Emulator(now=1_767_225_600)

    assert Shop(first, hears=False).customer(card=None) != Shop(second, hears=False).customer(card=None)
    first.close()
    second.close()


def test_with_a_seed_time_stands_still_until_it_is_moved() -> None:
    emulator = Emulator(seed=1, now=1_800_000_000)

    assert emulator.now() == 1_800_000_000
    emulator.advance(hours=1)
    assert emulator.now() == 1_800_003_600
    emulator.close()
