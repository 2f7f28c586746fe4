"""Stripe's customer follows the host's: its address, and what Stripe makes of it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
import stripe
from sqlalchemy import update

from flask_prepaid.context import transaction, write_now
from flask_prepaid.errors import GatewayUnavailable
from flask_prepaid.payments.customers import billing_details, contact, making, removal
from flask_prepaid.payments.customers.models import Customer
from flask_prepaid.purchases.saved_cards import copies
from stripe_emulator import Emulator

from ..meddling import Meddling
from ..shop import Shop, ShopWith

#: Taken by a form, and refused by Stripe.
REFUSED = "ann@example.com@home"


@pytest.fixture
def addresses() -> dict[str, str]:
    return {"user:1": "ann@example.com"}


@pytest.fixture
def shop(shop_with: ShopWith, addresses: dict[str, str]) -> Shop:
    return shop_with(email=addresses.get)


def at_stripe(shop: Shop) -> Any:
    (customer,) = shop.dashboard().v1.customers.list().data
    return customer


def sync(shop: Shop) -> None:
    shop.read(lambda: shop.prepaid.sync_customer("user:1"))


def drift(shop: Shop, *options: str) -> list[str]:
    differences = json.loads(shop.command("reconcile", "--json", *options).stdout)["drift"]
    return [difference["kind"] for difference in differences]


def test_receipts_follow_a_new_address(shop: Shop, addresses: dict[str, str]) -> None:
    shop.pay(shop.buy())
    assert at_stripe(shop).email == "ann@example.com"

    addresses["user:1"] = "ann@new.example"
    sync(shop)

    assert at_stripe(shop).email == "ann@new.example"


def test_who_has_bought_nothing_yet_has_nothing_to_follow(shop: Shop) -> None:
    sync(shop)

    assert shop.dashboard().v1.customers.list().data == []


@pytest.mark.parametrize("fault", [{"api_500": 1.0}, {"lost_reply": 1.0}])
def test_where_stripe_is_away_the_tick_brings_the_address(
    shop: Shop, addresses: dict[str, str], fault: dict[str, Any]
) -> None:
    shop.pay(shop.buy())
    addresses["user:1"] = "ann@new.example"
    shop.stripe.chaos(**fault)
    sync(shop)
    shop.stripe.chaos()

    output = shop.command("tick").stderr

    assert at_stripe(shop).email == "ann@new.example"
    assert re.search(r"\b1 address\b", output), output
    assert shop.read(lambda: contact.outdated(shop.prepaid)) == []


def test_an_address_that_nobody_told_of_is_seen_and_mended(shop: Shop, addresses: dict[str, str]) -> None:
    shop.pay(shop.buy())
    assert drift(shop) == []
    addresses["user:1"] = "ann@new.example"

    assert drift(shop) == ["outdated"]
    assert drift(shop, "--fix") == []
    assert at_stripe(shop).email == "ann@new.example"


def test_an_address_that_stripe_refuses_stops_no_sale(shop: Shop, addresses: dict[str, str]) -> None:
    addresses["user:1"] = REFUSED

    shop.pay(shop.buy())

    assert shop.balance() == 100
    assert not at_stripe(shop).email
    assert drift(shop) == []
    assert "Stripe does not take the address of 1 customer" in shop.command("doctor").stderr

    addresses["user:1"] = "ann@example.com"
    sync(shop)
    assert at_stripe(shop).email == "ann@example.com"
    assert "does not take the address" not in shop.command("doctor").stderr


def test_a_new_address_that_stripe_refuses_is_shown_to_the_operator(
    shop: Shop, addresses: dict[str, str]
) -> None:
    shop.pay(shop.buy())
    addresses["user:1"] = REFUSED

    sync(shop)

    assert "Stripe does not take the address of 1 customer" in shop.command("doctor").stderr
    assert drift(shop) == []


@pytest.mark.each_database
def test_the_hosts_own_work_is_not_committed_by_half(shop: Shop) -> None:
    def call_with_work() -> None:
        shop.prepaid.session.add(Customer(owner="x", idempotency_key="x", created_at=shop.now()))
        shop.prepaid.sync_customer("user:1")

    with pytest.raises(RuntimeError, match="your own work"):
        shop.read(call_with_work)


BERLIN = {"company": "Ada GmbH", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}


@pytest.mark.each_database
@pytest.mark.parametrize("moment", ["/tax_ids?limit=100", "/v1/customers"])
def test_whoever_is_removed_while_they_write_their_address_is_not_made_anew(
    shop_with: ShopWith, moment: str
) -> None:
    """The first: Stripe has them already. The second: they are being made there at this moment."""
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = shop_with(emulator=emulator, http_client=meddling, email=lambda owner: "ann@example.com")
    if moment != "/v1/customers":
        shop.keep_card()

    def remove() -> None:
        shop.read(lambda: shop.prepaid.remove_customer("user:1"))

    (meddling.after if moment == "/v1/customers" else meddling.before)[moment] = remove
    saved = shop.send_form(shop.browser(), "/prepaid/billing", **BERLIN)

    assert saved.status_code == 404
    assert shop.dashboard().v1.customers.list().data == []
    assert shop.read(lambda: shop.prepaid.customer_id("user:1")) is None
    assert "Ada GmbH" not in shop.browser().get("/prepaid/billing").text
    shop.pay(shop.buy())  # who buys afterwards is a customer again
    assert len(shop.dashboard().v1.customers.list().data) == 1


def test_a_customer_made_beside_a_removal_is_deleted_once_stripe_answers_again(shop_with: ShopWith) -> None:
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = shop_with(emulator=emulator, http_client=meddling, email=lambda owner: "ann@example.com")

    def cut_off() -> None:
        raise stripe.APIConnectionError("the line is cut")  # type: ignore[no-untyped-call]

    def remove() -> None:
        shop.read(lambda: shop.prepaid.remove_customer("user:1"))
        meddling.before[f"/v1/customers/{at_stripe(shop).id}"] = cut_off

    meddling.after["/v1/customers"] = remove
    saved = shop.send_form(shop.browser(), "/prepaid/billing", **BERLIN)

    assert (saved.status_code, meddling.before) == (404, {})
    assert [customer.email for customer in shop.dashboard().v1.customers.list().data] == ["ann@example.com"]
    shop.tick()
    assert shop.dashboard().v1.customers.list().data == []
    assert "1 customer" not in shop.command("tick").output


def test_a_customer_deleted_in_the_dashboard_leaves_no_card_and_no_address_here(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_INVOICES=True)
    shop.keep_card()
    shop.send_form(shop.browser(), "/prepaid/billing", **BERLIN)
    session = shop.buy()

    shop.dashboard().v1.customers.delete(at_stripe(shop).id)
    shop.stripe.deliver()

    assert shop.read(lambda: shop.prepaid.cards("user:1")) == []
    assert "Ada GmbH" not in shop.browser().get("/prepaid/billing").text
    assert session != shop.buy()


def fail_once_made(shop: Shop) -> str:
    """Stripe makes the customer, and keeps a 500 under their key as its answer."""
    while not shop.dashboard().v1.customers.list().data:
        shop.stripe.chaos(api_500=1.0)
        with suppress(GatewayUnavailable):
            shop.read(lambda: making.customer_of(shop.prepaid, "user:1", 0))
        shop.stripe.chaos()
    return str(at_stripe(shop).id)


@pytest.mark.parametrize("address", ["ann@example.com", REFUSED])
def test_who_was_made_in_spite_of_a_500_buys_at_the_next_press(
    shop: Shop, addresses: dict[str, str], address: str
) -> None:
    """For a day Stripe answers nothing else under their key."""
    addresses["user:1"] = address
    made = fail_once_made(shop)

    shop.pay(shop.buy())

    assert shop.balance() == 100
    assert at_stripe(shop).id == made
    shop.tick()
    assert drift(shop) == []


@pytest.mark.each_database
def test_whose_500_made_nobody_is_asked_for_under_another_key_and_buys(shop: Shop) -> None:
    gone = fail_once_made(shop)
    shop.dashboard().v1.customers.delete(gone)

    refused = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")
    assert refused.status_code == 503
    shop.pay(shop.buy())

    assert shop.balance() == 100
    assert at_stripe(shop).email == "ann@example.com"


def test_who_has_another_address_since_stripes_answer_was_lost_buys_at_the_next_press(
    shop: Shop, addresses: dict[str, str]
) -> None:
    """Under one key Stripe is asked for one thing: with the new address, it refuses the key."""
    shop.stripe.chaos(lost_reply=1.0)
    with pytest.raises(GatewayUnavailable):
        shop.read(lambda: making.customer_of(shop.prepaid, "user:1", 0))
    shop.stripe.chaos()
    addresses["user:1"] = "ann@new.example"

    shop.pay(shop.buy())
    shop.tick()

    assert shop.balance() == 100
    assert at_stripe(shop).email == "ann@new.example"


@pytest.mark.each_database
@pytest.mark.parametrize("fetched", ["tax_ids", "/payment_methods?limit=100"])
def test_what_was_fetched_before_a_customer_was_deleted_is_not_copied_afterwards(
    shop_with: ShopWith, fetched: str
) -> None:
    """A slow worker has what Stripe had, and writes it after another has seen the deletion."""
    shop = shop_with(PREPAID_INVOICES=True, email=lambda owner: "ann@example.com")
    shop.keep_card()
    shop.send_form(shop.browser(), "/prepaid/billing", **BERLIN)
    customer_id = at_stripe(shop).id
    app = shop.prepaid

    def late() -> None:
        sync = billing_details.sync if fetched == "tax_ids" else copies._tidy_up
        write = sync(app, customer_id)
        shop.dashboard().v1.customers.delete(customer_id)
        write_now(app, removal.sync_deleted(app, customer_id))
        write_now(app, write)

    change_customer(shop, refused_email=REFUSED)
    shop.read(late)

    assert shop.read(lambda: app.cards("user:1")) == []
    assert "Ada GmbH" not in shop.browser().get("/prepaid/billing").text
    row = shop.read(lambda: app.session.get(Customer, "user:1"))
    assert (row.company, row.refused_email, row.default_card_id) == (None, None, None)


def test_a_payment_that_was_begun_before_a_second_removal_opens_nothing_again(shop: Shop) -> None:
    def closed() -> bool:
        return bool(shop.read(lambda: removal.is_closed(shop.prepaid.session, "user:1")))

    def remove() -> None:
        shop.read(lambda: shop.prepaid.remove_customer("user:1"))

    remove()
    shop.stripe.advance(minutes=1)
    begun = shop.now()
    shop.stripe.advance(minutes=1)
    remove()

    def settle(at: datetime) -> None:
        with transaction(shop.prepaid) as session:
            removal.reopen(session, "user:1", at)

    shop.read(lambda: settle(begun))
    assert closed()
    shop.read(lambda: settle(shop.now()))
    assert not closed()


def change_customer(shop: Shop, **values: object) -> None:
    def write() -> None:
        shop.prepaid.session.execute(update(Customer).values(values))
        shop.prepaid.session.commit()

    shop.read(write)


def test_who_is_removed_before_stripes_answer_came_leaves_nobody_at_stripe(shop: Shop) -> None:
    """Stripe makes the customer, and its answer is a 500 that it keeps, or none."""
    made = fail_once_made(shop)

    shop.read(lambda: shop.prepaid.remove_customer("user:1"))
    shop.tick()
    assert at_stripe(shop).id == made
    shop.stripe.advance(minutes=10)
    shop.tick()

    assert shop.dashboard().v1.customers.list().data == []
    shop.pay(shop.buy())
    shop.stripe.advance(minutes=10)
    shop.tick()
    assert (shop.balance(), len(shop.dashboard().v1.customers.list().data)) == (100, 1)


def test_who_was_made_long_before_the_next_press_is_found_and_not_made_twice(shop: Shop) -> None:
    """After a day Stripe has forgotten the key, and would make a second one under it."""
    shop.stripe.chaos(lost_reply=1.0)
    with pytest.raises(GatewayUnavailable):
        shop.read(lambda: making.customer_of(shop.prepaid, "user:1", 0))
    shop.stripe.chaos()
    made = at_stripe(shop).id
    shop.stripe.advance(hours=30)

    shop.pay(shop.buy())

    assert (shop.balance(), at_stripe(shop).id) == (100, made)
