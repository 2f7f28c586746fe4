"""Whatever is sent, Stripe's envelope comes back and never a 500.

Each served route is called with its own parameters holding wrong types, huge
numbers, unknown and unfitting ids; and the door with bytes that are no form.
``MALFORMED_EXAMPLES=500`` looks longer at each route.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import stripe
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stripe_emulator import contract
from stripe_emulator.api import routing
from stripe_emulator.api.request import Call
from stripe_emulator.contract import Hash, Parameter, parameters_of
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.server import load
from stripe_emulator.server.emulator import Emulator

load.load()
SERVED = [route for route in contract.routes() if routing.serves(route.verb, route.example_path)]

#: Those that list without being told of what, which some want: ``setup_attempts``.
LISTS = [
    route
    for route in SERVED
    if route.verb == "GET"
    and route.answer.startswith("ListObject")
    and "{" not in route.path
    and not parameters_of(route).required
]

#: A repeatable sample; the long run asks for more.
settings_of_a_run = settings(
    max_examples=int(os.environ.get("MALFORMED_EXAMPLES", "5")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no fault of the form's
)

#: What fills the emulator first. ``{customers}`` stands for the id that ``/v1/customers`` answered last.
SEED = [
    ("/v1/products", "name=Gold"),
    ("/v1/prices", "product={products}&currency=usd&unit_amount=1000&recurring[interval]=month"),
    ("/v1/coupons", "percent_off=10&duration=once"),
    ("/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]={coupons}"),
    ("/v1/webhook_endpoints", "url=http://127.0.0.1:9/&enabled_events[]=customer.created"),
    ("/v1/test_helpers/test_clocks", "frozen_time=1900000000"),
    ("/v1/customers", "email=jenny@example.com"),
    ("/v1/payment_methods", "type=card&card[token]=tok_visa"),
    ("/v1/payment_methods/{payment_methods}/attach", "customer={customers}"),
    ("/v1/customers/{customers}", "invoice_settings[default_payment_method]={payment_methods}"),
    ("/v1/setup_intents", "customer={customers}&payment_method={payment_methods}"),
    ("/v1/payment_intents", "amount=1000&currency=usd&confirm=true&payment_method=pm_card_visa&return_url=https://a.example"),
    ("/v1/refunds", "payment_intent={payment_intents}&amount=10"),
    ("/v1/payment_intents", "amount=1000&currency=usd&confirm=true&payment_method=pm_card_createDispute&return_url=https://a.example"),
    ("/v1/payment_intents", "amount=1000&currency=jpy&customer={customers}"),
    ("/v1/subscriptions", "customer={customers}&items[0][price]={prices}"),
    ("/v1/subscription_schedules", "from_subscription={subscriptions}"),
    ("/v1/invoiceitems", "customer={customers}&amount=500&currency=usd"),
    ("/v1/invoices", "customer={customers}"),
    ("/v1/checkout/sessions", "mode=payment&success_url=https://a.example&line_items[0][price_data][currency]=usd"
     "&line_items[0][price_data][unit_amount]=500&line_items[0][price_data][product_data][name]=Gold&line_items[0][quantity]=1"),
    ("/v1/billing_portal/configurations", "features[invoice_history][enabled]=true"),
    ("/v2/core/event_destinations", '{{"name": "a", "type": "webhook_endpoint", "event_payload": "thin",'
     ' "enabled_events": ["*"], "webhook_endpoint": {{"url": "http://127.0.0.1:9/"}}}}'),
]  # fmt: skip


def call(emulator: Emulator, verb: str, path: str, form: str, version: str = API_VERSION) -> dict[str, Any]:
    """Ask, and have at least an envelope; what else an answer must be is watched in ``conftest``."""
    headers = {"authorization": "Bearer sk_test_emulator", "stripe-version": version}
    query, body = (form, b"") if verb != "POST" else ("", form.encode("utf-8", "replace"))

    reply = emulator.api.answer(Call(verb, path, query, headers, body))

    assert reply.status < 500 or reply.status == 501, reply.body
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


@dataclass(frozen=True)
class Seeded:
    """A data file with one object or more of each kind, and the ids that each resource lists."""

    path: Path
    ids: dict[str, list[str]]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    path = tmp_path_factory.mktemp("seeded") / "stripe.sqlite3"
    emulator = Emulator(path)
    made: dict[str, str] = {}
    for route, form in SEED:
        target = route.format_map(made)
        if routing.serves("POST", target):
            made[route.rsplit("/", 1)[-1]] = call(emulator, "POST", target, form.format_map(made)).get(
                "id", ""
            )
    ids = {each.resource: ids_in(emulator, each) for each in LISTS}
    emulator.store.close()
    return Seeded(path, ids)


@pytest.fixture
def emulator(seeded: Seeded, tmp_path: Path) -> Emulator:
    copy = tmp_path / "stripe.sqlite3"
    copy.write_bytes(seeded.path.read_bytes())
    return Emulator(copy)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return Emulator().app.test_client()


def ids_in(emulator: Emulator, route: contract.Route) -> list[str]:
    return [row["id"] for row in call(emulator, "GET", route.path, "").get("data", [])]


JUNK: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "0", "-1", "9" * 18, "9" * 400, "1e9", "NaN", "true", "null", "usd", "card", "now", "*"]
    ),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text("abc019_", min_size=1, max_size=3), st.text(max_size=3), max_size=2),
)


@st.composite
def forms(draw: st.DrawFn, parameters: Hash, ids: list[str]) -> dict[str, Any]:
    known = sorted(parameters.fields)
    names = draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
    wanted = dict.fromkeys([*parameters.required, *names])
    return {name: draw(values(parameters.fields[name], ids)) for name in wanted}


@st.composite
def values(draw: st.DrawFn, parameter: Parameter, ids: list[str]) -> Any:
    """Mostly what fits, so that the answer comes from the resource and not from the door."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JUNK)
    if parameter.hashes:
        return draw(forms(parameter.hashes[0], ids))
    if parameter.items:
        return draw(st.lists(values(parameter.items, ids), max_size=2))
    if parameter.words:
        return draw(st.sampled_from(parameter.words))
    if "bool" in parameter.scalars:
        return draw(st.sampled_from(["true", "false"]))
    if parameter.scalars and "str" not in parameter.scalars:
        return str(draw(st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63), st.just(1900000000))))
    if parameter.values:
        return {"a": draw(values(parameter.values, ids))}
    return draw(
        st.one_of(st.sampled_from(ids), st.sampled_from(["usd", "eur", "a@b.example"]), st.text(max_size=9))
    )


def encoded(form: Any, name: str = "") -> str:
    """A nested form as it goes over the wire."""
    if isinstance(form, dict):
        pairs = [(f"{name}[{key}]" if name else key, value) for key, value in form.items()]
    elif isinstance(form, list):
        pairs = [(f"{name}[{index}]", value) for index, value in enumerate(form)]
    else:
        return f"{quote_plus(name)}={quote_plus(form, errors='replace')}"
    return "&".join(filter(None, (encoded(value, key) for key, value in pairs)))


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_what_the_emulator_was_seeded_with_has_stripes_shape(
    route: contract.Route, emulator: Emulator
) -> None:
    assert "data" in call(emulator, "GET", route.path, "")


@pytest.mark.parametrize("route", SERVED, ids=str)
def test_no_parameter_of_a_served_route_breaks_it(
    route: contract.Route, emulator: Emulator, seeded: Seeded
) -> None:
    every = [object_id for ids in seeded.ids.values() for object_id in ids]
    fitting = seeded.ids.get(route.resource) or ["x"]
    steps = re.split(r"\{\w+\}", route.path)

    @settings_of_a_run
    @given(
        form=forms(parameters_of(route), every),
        places=st.lists(
            st.one_of(
                st.sampled_from(fitting),
                st.sampled_from(fitting),
                st.sampled_from(every),
                st.text(min_size=1),
            ),
            min_size=len(steps) - 1,
            max_size=len(steps) - 1,
        ),
        version=st.sampled_from([API_VERSION, API_VERSION, "2022-11-15", "2024-06-20", ""]),
    )
    def holds(form: dict[str, Any], places: list[str], version: str) -> None:
        path = "".join(
            step + quote(place, safe="", errors="replace")
            for step, place in zip(steps, [*places, ""], strict=True)
        )
        is_json = route.verb == "POST" and path.startswith("/v2/")
        call(emulator, route.verb, path, json.dumps(form) if is_json else encoded(form), version)

    holds()


@settings(settings_of_a_run, max_examples=20 * settings_of_a_run.max_examples)
@given(
    body=st.one_of(st.binary(max_size=60), st.text("abc[]=&%+0.\x00é", max_size=60).map(str.encode)),
    path=st.sampled_from(
        ["/v1/customers", "/v1/prices", "/v1/nothing", "/v1/customers/", "/v1//", "/v2/core/events"]
    ),
    verb=st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH"]),
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "Stripe-Version", "Idempotency-Key", "Content-Type"]),
        st.one_of(
            st.sampled_from(
                ["Bearer sk_test_x", "Basic c2tfdGVzdF94Og==", "Basic ?", "application/json", API_VERSION]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
        ),
    ),
)
def test_bytes_that_are_no_form_are_answered_in_the_envelope(
    client: FlaskClient, body: bytes, path: str, verb: str, headers: dict[str, str]
) -> None:
    answer = client.open(path, method=verb, data=body, headers=headers)

    assert answer.status_code < 500 or answer.status_code == 501
    assert answer.status_code < 300 or answer.get_json()["error"]["message"]


#: What a tester sends to ``/_emulator/...``, by name.
CONTROLS = {
    "pay": [
        *("session", "card", "iban", "email", "name", "keep_card", "challenge", "shipping", "custom_fields"),
        *("optional_items", "address", "tax_id", "business_name", "promotion_code"),
    ],
    "dispute": ["charge", "dispute", "amount", "reason", "outcome"],
    "advance": ["seconds", "to"],
    "reset": ["now", "seed"],
    "save": ["name"],
    "load": ["name"],
    "diff": ["name"],
    "account": ["name"],
    "bank": ["payment", "succeeds"],
    "chaos": [
        *("duplicate", "drop", "shuffle", "delay", "api_500", "api_429", "lost_reply", "timeout", "seed"),
        "slow",
    ],
    "dunning": ["retry_days", "overdue_days", "end"],
    "settlement": ["default", "currencies"],
    "deliver": ["event", "times"],
    "roll": ["endpoint", "hours"],
    "hear": ["events"],
}
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


def test_every_control_is_among_those_that_are_sent_anything(stripe_emulator: Emulator) -> None:
    rules = [rule for rule in stripe_emulator.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    names = {rule.rule.partition("/_emulator/")[2] for rule in rules}

    assert names - {""} == CONTROLS.keys()


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_breaks_by_what_it_is_sent(stripe_emulator: Emulator, control: str) -> None:
    client = stripe_emulator.browser()

    @settings_of_a_run
    @given(body=st.dictionaries(st.sampled_from([*CONTROLS[control], "x"]), ANYTHING, max_size=3) | ANYTHING)
    def holds(body: Any) -> None:
        answer = client.post(f"/_emulator/{control}", json=body)

        assert answer.status_code < 500 or answer.status_code == 501, answer.text

    holds()


#: A session whose page asks for all that it can.
ASKS_ALL: Any = {
    "mode": "payment",
    "success_url": "https://a.example",
    "allow_promotion_codes": True,
    "automatic_tax": {"enabled": True},
    "billing_address_collection": "required",
    "custom_fields": [{"key": "size", "label": {"type": "custom", "custom": "Size"}, "type": "text"}],
    "line_items": [
        {
            "price_data": {"currency": "usd", "unit_amount": 900, "product_data": {"name": "x"}},
            "quantity": 1,
        }
    ],
    "shipping_address_collection": {"allowed_countries": ["DE"]},
    "tax_id_collection": {"enabled": True},
}


@pytest.mark.parametrize("detail", ["shipping", "custom_fields", "optional_items", "address", "tax_id"])
@pytest.mark.parametrize("value", [5, None, [], {}, "x" * 300])
def test_no_detail_of_a_payment_breaks_the_page_that_asks_for_it(
    stripe_emulator: Emulator, detail: str, value: Any
) -> None:
    client = stripe.StripeClient("sk_test_x", http_client=stripe_emulator.http_client())
    browser, session = stripe_emulator.browser(), client.v1.checkout.sessions.create(ASKS_ALL).id
    names = {
        "shipping": ("line1", "city", "country"),
        "address": ("line1", "city", "postal_code", "state", "country"),
        "custom_fields": ("size", "x"),
        "tax_id": ("type", "value"),
    }.get(detail)
    wholes: list[Any] = [{name: value} for name in names] if names else [[value]]

    answers = [
        browser.post("/_emulator/pay", json={"session": session, detail: whole})
        for whole in (*wholes, {}, [], *([dict.fromkeys(names, value)] if names else []))
    ]

    assert [answer.text for answer in answers if answer.status_code >= 500] == []


@pytest.mark.parametrize(
    "body",
    [
        "metadata" + "[a]" * 5000 + "=1",
        "&".join(f"metadata[{index}]=1" for index in range(20000)),
        "name=" + "x" * 3_000_000,
        "name=" + "%F0%28%8C%28" * 50,
        "email[]=1&email=2&email[a]=3",
        "balance=" + "9" * 5000,
        "preferred_locales[" + "9" * 5000 + "]=en",
    ],
    ids=["deep", "wide", "long", "no text", "two shapes", "huge number", "huge index"],
)
def test_absurd_forms_are_refused_or_taken_but_break_nothing(client: FlaskClient, body: str) -> None:
    answer = client.post(
        "/v1/customers",
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": "Bearer sk_test_x"},
    )

    assert answer.status_code in (200, 400, 413)
    assert answer.status_code == 200 or answer.get_json()["error"]["type"] == "invalid_request_error"
