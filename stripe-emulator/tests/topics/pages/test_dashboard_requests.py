"""The log of requests on the dashboard: what is shown, what is masked, and how one finds it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from stripe import CardError, InvalidRequestError, StripeClient
from werkzeug.test import Client

from stripe_emulator import Emulator
from stripe_emulator.api import request_log


def envelope(error: Any) -> dict[str, Any]:
    opened: dict[str, Any] = error.json_body["error"]
    return opened


def test_an_error_leads_to_its_request_with_all_that_was_asked(stripe: Any, visitor: Client) -> None:
    """The link in the error is the page of the request; the page has the error and what it made."""
    form = {
        "amount": 700,
        "currency": "usd",
        "payment_method": "pm_card_chargeDeclined",
        "confirm": True,
        "off_session": True,
    }
    with pytest.raises(CardError) as refused:
        stripe.payment_intents.create(form, {"idempotency_key": "order-17"})

    page = visitor.get(urlsplit(envelope(refused.value)["request_log_url"]).path)

    assert page.status_code == 200
    for shown in ("402", "order-17", "generic_decline", "Your card was declined.", "sk_test_"):
        assert shown in page.text
    assert "emulator" not in page.text.partition("<dt>Key</dt>")[2].partition("</dd>")[0]
    made = page.text.partition("Events that it made")[2]
    assert re.findall(r'href="/events/evt_', made) != []
    assert "payment_<wbr>failed" in made


def test_what_is_secret_is_written_nowhere(stripe: Any, visitor: Client, stripe_emulator: Emulator) -> None:
    card = {"number": "5555555555554444", "exp_month": 12, "exp_year": 2034, "cvc": "987"}
    stripe.payment_methods.create({"type": "card", "card": card})
    intent = stripe.setup_intents.create({"automatic_payment_methods": {"enabled": True}})
    endpoint = stripe.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    with pytest.raises(InvalidRequestError):
        stripe.customers.create({"description": "4242 4242 4242 4242", "no_such": intent.client_secret})

    request_log.write(stripe_emulator.store)
    with stripe_emulator.store.transaction(write=False) as transaction:
        written = json.dumps(transaction.execute("SELECT * FROM request").fetchall())
        first = request_log.latest(limit=10)[-1]

    for secret in (card["number"], "4242 4242", intent.client_secret, endpoint.secret):
        assert str(secret) not in written
    assert "sk_test_emulator" not in written
    shown = first["parameters"]["card"]
    assert (shown["number"], shown["cvc"]) == ("••••4444", "••••")  # which card it was can be told


def test_the_log_is_filtered_by_outcome_method_and_path(stripe: Any, visitor: Client) -> None:
    customer = stripe.customers.create({"email": "jenny@example.com"}, {"idempotency_key": "once"})
    stripe.customers.create({"email": "jenny@example.com"}, {"idempotency_key": "once"})
    with pytest.raises(InvalidRequestError):
        stripe.products.retrieve("prod_nobody")
    stripe.customers.retrieve(customer.id)

    def paths(**filters: str) -> list[str]:
        return re.findall(r'class="path">([^<]+)<', visitor.get("/logs", query_string=filters).text)

    assert paths() == [
        f"/v1/customers/cus_…{customer.id[-6:]}",
        "/v1/products/prod_nobody",
        "/v1/customers",
        "/v1/customers",
    ]
    assert paths(outcome="refused") == ["/v1/products/prod_nobody"]
    assert paths(verb="POST") == paths(path="once") == ["/v1/customers", "/v1/customers"]
    assert paths(outcome="failed") == paths(path="nowhere") == []
    counted = visitor.get("/logs").text
    assert ">Succeeded <b>3</b>" in counted
    assert ">Refused <b>1</b>" in counted
    replay = re.findall(r'href="/logs/(req_\w+)"', visitor.get("/logs?path=once").text)
    assert f'href="/logs/{replay[1]}">{replay[1]}</a>' in visitor.get(f"/logs/{replay[0]}").text


def test_the_log_outlives_a_restart_and_a_reset_forgets_it(tmp_path: Path) -> None:
    path = tmp_path / "stripe.sqlite3"
    first = Emulator(path)
    StripeClient("sk_test_one", http_client=first.http_client()).v1.customers.create({})
    first.close()

    second = Emulator(path)

    assert "/v1/customers" in second.browser().get("/logs").text
    second.reset()
    assert "Nothing has been asked yet." in second.browser().get("/logs").text
    second.close()


def test_an_answer_that_chaos_kept_back_is_marked(visitor: Client, stripe_emulator: Emulator) -> None:
    stripe_emulator.chaos(lost_reply=1)
    client = StripeClient("sk_test_one", http_client=stripe_emulator.http_client())
    with pytest.raises(Exception, match="reply was lost"):
        client.v1.customers.create({})

    assert ">Failed <b>1</b>" in visitor.get("/logs").text
    assert '<span class="pill bad">lost</span>' in visitor.get("/logs?outcome=failed").text


def test_what_no_form_holds_is_logged_as_well(stripe_emulator: Emulator, visitor: Client) -> None:
    headers = {"Authorization": "Bearer sk_test_one"}
    visitor.post("/v1/customers", data=b"a[b]=1&a=2&a[b][c]=\xff\x00", headers=headers)
    visitor.get("/v1/caf%C3%A9%ED%A0%80?x=%ED%A0%80", headers=headers)

    page = visitor.get("/logs")

    assert page.text.count("data-key=") == 2
    for request_id in set(re.findall(r'href="/logs/(req_\w+)"', page.text)):
        assert visitor.get(f"/logs/{request_id}").status_code == 200
