"""Each secret key an account of its own, in one process."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from stripe_emulator import Emulator
from stripe_emulator.api.request import Call
from stripe_emulator.server import cli_socket

from ..shop import Shop


@pytest.fixture
def many() -> Iterator[Emulator]:
    emulator = Emulator(accounts="by-key")
    yield emulator
    emulator.close()


def client(emulator: Emulator, name: str) -> stripe.StripeClient:
    return stripe.StripeClient(f"sk_test_{name}", http_client=emulator.http_client())


def test_nobody_sees_what_is_anothers(many: Emulator) -> None:
    ann, bob = client(many, "ann"), client(many, "bob")
    customer = ann.v1.customers.create({"name": "Jo"})

    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        bob.v1.customers.retrieve(customer.id)
    assert bob.v1.customers.list().data == []
    assert client(many, "ann").v1.customers.retrieve(customer.id).name == "Jo"


def test_an_account_is_the_same_for_all_keys_of_its_owner(many: Emulator) -> None:
    own = client(many, "ann").v1.accounts.retrieve_current().id
    other = client(many, "bob").v1.accounts.retrieve_current().id
    restricted = stripe.StripeClient("rk_test_ann", http_client=many.http_client())

    assert restricted.v1.accounts.retrieve_current().id == own != other
    assert many.account("pk_test_ann").store.account == own
    with pytest.raises(stripe.PermissionError):
        client(many, "ann").v1.accounts.retrieve(other)


def test_a_page_belongs_to_the_account_whose_session_it_shows(many: Emulator) -> None:
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}}
    line = {"price_data": data, "quantity": 1}
    form: Any = {"mode": "payment", "success_url": "https://shop.example", "line_items": [line]}
    session = client(many, "ann").v1.checkout.sessions.create(form)
    browser = many.browser()
    card = {"card_number": "4242424242424242", "card_expiry": "12/34", "card_cvc": "123", "name": "Jo"}

    path = urlsplit(str(session.url)).path
    shown = browser.get(path)
    paid = browser.post(path, data={"email": "jo@example.com", **card})

    assert (shown.status_code, paid.status_code) == (200, 303)
    assert client(many, "ann").v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert client(many, "bob").v1.payment_intents.list().data == []


def test_controls_work_on_the_account_of_the_key_or_of_the_object(many: Emulator) -> None:
    customer = client(many, "ann").v1.customers.create({})
    client(many, "bob").v1.customers.create({})
    browser, key = many.browser(), {"Authorization": "Bearer sk_test_ann"}

    state = json.loads(browser.get("/_emulator/state", headers=key).text)
    browser.post("/_emulator/reset", json={}, headers=key)

    assert state["objects"]["customer"] == 1
    assert many.account("sk_test_ann").state()["objects"] == {}
    assert many.account("sk_test_bob").state()["objects"]["customer"] == 1
    assert browser.get(f"/objects/customer/{customer.id}").status_code == 404


def test_each_account_has_its_own_clock(many: Emulator) -> None:
    before = many.account("sk_test_bob").now()

    many.account("sk_test_ann").advance(days=30)

    assert many.account("sk_test_bob").now() - before < 60


def test_a_wrong_key_opens_nothing(many: Emulator) -> None:
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient("sk_live_ann", http_client=many.http_client()).v1.customers.list()


def test_accounts_are_kept_in_files_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "stripe.sqlite3"
    first = Emulator(path, accounts="by-key")
    customer = client(first, "ann").v1.customers.create({}).id
    client(first, "bob").v1.customers.create({})
    first.close()

    second = Emulator(path, accounts="by-key")

    assert len(list(second.everyone())) == 3
    assert client(second, "ann").v1.customers.retrieve(customer).id == customer
    second.close()


def test_without_the_option_all_keys_open_one_account(stripe_emulator: Emulator) -> None:
    customer = client(stripe_emulator, "ann").v1.customers.create({})

    assert client(stripe_emulator, "bob").v1.customers.retrieve(customer.id).id == customer.id
    assert stripe_emulator.account("sk_test_ann") is stripe_emulator


def test_a_hundred_accounts_are_small(many: Emulator) -> None:
    def kilobytes() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    client(many, "warm").v1.customers.create({})
    before = kilobytes()

    for number in range(100):
        Shop(many.account(f"sk_test_{number}"), hears=False).customer()

    assert kilobytes() - before < 100_000


def test_the_program_that_listens_hears_the_account_of_its_key(many: Emulator) -> None:
    api = many.account("sk_test_ann")
    answer = api.api.answer(
        Call(
            "POST",
            "/v1/stripecli/sessions",
            "",
            {"authorization": "Bearer sk_test_ann"},
            b"websocket_features[0]=webhooks",
        )
    )
    session_id = json.loads(answer.body)["websocket_id"]

    account, session = cli_socket.session_of(many, session_id)

    assert account is api
    assert session is not None
    assert cli_socket.session_of(many, "cliws_nobodys") == (many, None)
