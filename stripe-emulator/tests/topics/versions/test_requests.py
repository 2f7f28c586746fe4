"""What callers of older versions send, and callers who name none."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_emulator import Emulator
from stripe_emulator.core.version import API_VERSION, SERVED

from ..shop import with_sdk_16
from .old import ACACIA, BASIL, CLOVER, DAHLIA, ENDIVE, Old, encoded

INTENT = {"amount": 1000, "currency": "usd"}


@pytest.mark.parametrize("version", [None, *SERVED])
@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("/v1/payment_intents", INTENT | {"capture_metod": "manual"}, "capture_metod"),
        ("/v1/customers", {"emial": "jo@example.com"}, "emial"),
        ("/v1/customers", {"address": {"planet": "Mars"}}, "address[planet]"),
        ("/v1/subscriptions", {"items": [{"prize": "price_1"}]}, "items[0][prize]"),
    ],
)
def test_a_parameter_that_never_existed_is_refused_at_every_version(
    stripe_emulator: Emulator, version: str | None, path: str, form: dict[str, Any], param: str
) -> None:
    error = Old(stripe_emulator, version).refused("POST", path, **form)

    assert (error["status"], error["code"], error["param"]) == (400, "parameter_unknown", param)
    assert stripe_emulator.state()["objects"] == {}


@pytest.mark.parametrize("version", [None, *SERVED])
@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        (
            "/v1/payment_intents",
            INTENT | {"radar_options": {"session": "rse_1"}},
            "radar_options",
        ),
        (
            "/v1/customers",
            {"cash_balance": {"settings": {"reconciliation_mode": "manual"}}},
            "cash_balance",
        ),
    ],
)
def test_what_is_not_emulated_is_refused_at_every_version(
    stripe_emulator: Emulator, version: str | None, path: str, form: dict[str, Any], param: str
) -> None:
    error = Old(stripe_emulator, version).refused("POST", path, **form)

    assert (error["status"], error["code"], error["param"]) == (501, "not_emulated", param)
    assert stripe_emulator.state()["objects"] == {}


@pytest.mark.parametrize(
    "version", ["2024-13-45", "2020-08-27", "yesterday", "2026-10-28.acacia", "2024-06-20;beta=v1"]
)
def test_a_version_that_is_not_served_is_refused_by_name(stripe_emulator: Emulator, version: str) -> None:
    error = Old(stripe_emulator, version).refused("GET", "/v1/customers")

    assert (error["status"], error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith(f"Invalid Stripe API version: {version}.")


def test_the_version_comes_back_and_today_is_the_default(stripe_emulator: Emulator) -> None:
    def echoed(version: str) -> str:
        headers = {"Authorization": "Bearer sk_test_x"} | ({"Stripe-Version": version} if version else {})
        return stripe_emulator.browser().get("/v1/customers", headers=headers).headers["Stripe-Version"]

    assert [echoed(version) for version in SERVED] == list(SERVED)
    assert echoed("") == API_VERSION


@pytest.mark.parametrize("version", [None, ACACIA])
def test_a_subscription_with_one_coupon(stripe_emulator: Emulator, version: str | None) -> None:
    old = Old(stripe_emulator, version)
    old.post("/v1/coupons", id="SALE", percent_off=10, duration="forever")
    subscription = old.subscription(coupon="SALE", expand=["latest_invoice"])
    path = f"/v1/subscriptions/{subscription['id']}"

    wrong = old.refused("POST", path, coupon="NOPE")
    emptied = old.post(path, coupon="")

    assert subscription["latest_invoice"]["amount_paid"] == 900
    assert (wrong["message"], wrong["param"]) == ("No such coupon: 'NOPE'", "coupon")
    assert emptied["discounts"] == []


def test_one_coupon_is_unknown_once_it_was_removed(stripe_emulator: Emulator) -> None:
    error = Old(stripe_emulator, BASIL).refused("POST", "/v1/subscriptions", coupon="SALE")

    assert (error["code"], error["param"]) == ("parameter_unknown", "coupon")


@pytest.mark.parametrize("version", [None, BASIL])
def test_a_promotion_code_names_its_coupon_by_itself(stripe_emulator: Emulator, version: str | None) -> None:
    old = Old(stripe_emulator, version)
    old.post("/v1/coupons", id="SALE", percent_off=10, duration="once")

    code = old.post("/v1/promotion_codes", coupon="SALE", code="AUTUMN")
    missing = old.refused("POST", "/v1/promotion_codes", coupon="NOPE")

    assert code["code"] == "AUTUMN"
    assert (missing["code"], missing["param"]) == ("resource_missing", "coupon")


def test_a_missing_coupon_is_called_as_it_was(stripe_emulator: Emulator) -> None:
    before = Old(stripe_emulator, BASIL).refused("POST", "/v1/promotion_codes", code="A")
    since = Old(stripe_emulator, CLOVER).refused("POST", "/v1/promotion_codes", code="A")

    assert before["message"] == "Missing required param: coupon."
    assert since["param"] == "promotion"


@pytest.mark.parametrize("version", [None, CLOVER, DAHLIA])
def test_an_anchor_is_a_word_until_endive(stripe_emulator: Emulator, version: str | None) -> None:
    old = Old(stripe_emulator, version)
    subscription = old.subscription()
    stripe_emulator.advance(days=3)

    moved = old.post(f"/v1/subscriptions/{subscription['id']}", billing_cycle_anchor="now")
    wrong = old.refused("POST", f"/v1/subscriptions/{subscription['id']}", billing_cycle_anchor="later")

    assert moved["billing_cycle_anchor"] > subscription["billing_cycle_anchor"]
    assert wrong["param"] == "billing_cycle_anchor"


@with_sdk_16
def test_the_word_is_refused_from_endive_on(stripe_emulator: Emulator) -> None:
    subscription = Old(stripe_emulator, DAHLIA).subscription()

    error = Old(stripe_emulator, ENDIVE).refused(
        "POST", f"/v1/subscriptions/{subscription['id']}", billing_cycle_anchor="now"
    )

    assert error["param"] == "billing_cycle_anchor"


@pytest.mark.parametrize("path", ["/v1/payment_intents", "/v1/setup_intents", "/v1/checkout/sessions"])
def test_named_payment_methods_are_refused_from_endive_on(stripe_emulator: Emulator, path: str) -> None:
    error = Old(stripe_emulator, ENDIVE).refused("POST", path, payment_method_types=["card"])

    assert error["code"] == "payment_method_types_no_longer_supported"


@pytest.mark.parametrize("version", [None, "2022-11-15", DAHLIA])
def test_named_payment_methods_are_taken_before(stripe_emulator: Emulator, version: str | None) -> None:
    intent = Old(stripe_emulator, version).post(
        "/v1/payment_intents", **INTENT, payment_method_types=["card"]
    )

    assert (intent["payment_method_types"], intent["automatic_payment_methods"]) == (["card"], None)


@pytest.mark.parametrize(
    ("version", "method", "automatic"),
    [
        ("2022-11-15", "automatic", False),
        ("2023-08-16", "automatic", True),
        ("2023-10-16", "automatic", True),
        ("2024-04-10", "automatic_async", True),
        (None, "automatic_async", True),
    ],
)
def test_what_an_intent_means_that_says_nothing(
    stripe_emulator: Emulator, version: str | None, method: str, automatic: bool
) -> None:
    intent = Old(stripe_emulator, version).post("/v1/payment_intents", **INTENT)

    assert intent["capture_method"] == method
    assert (intent["automatic_payment_methods"] is not None) == automatic


@pytest.mark.parametrize(("version", "mode"), [(BASIL, "classic"), (CLOVER, "flexible"), (None, "flexible")])
def test_how_a_subscription_is_billed_that_says_nothing(
    stripe_emulator: Emulator, version: str | None, mode: str
) -> None:
    assert Old(stripe_emulator, version).subscription()["billing_mode"]["type"] == mode


@pytest.mark.parametrize("version", [None, CLOVER])
@pytest.mark.parametrize(
    ("older", "page"), [("hosted", "success_url"), ("embedded", "return_url"), ("custom", "return_url")]
)
def test_the_mode_of_a_page_has_its_older_name(
    stripe_emulator: Emulator, version: str | None, older: str, page: str
) -> None:
    old = Old(stripe_emulator, version)
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}}
    form: Any = {"mode": "payment", "ui_mode": older, "line_items": [{"price_data": data, "quantity": 1}]}

    session = old.post("/v1/checkout/sessions", **form, **{page: "https://shop.example"})

    assert session["ui_mode"] == (
        older if version else {"hosted": "hosted_page", "embedded": "embedded_page"}.get(older, "elements")
    )


@pytest.mark.parametrize("version", [None, ACACIA])
def test_an_invoice_item_names_its_price_by_itself(stripe_emulator: Emulator, version: str | None) -> None:
    old = Old(stripe_emulator, version)
    customer = old.customer()
    product = old.post("/v1/products", name="Pen")
    price = old.post("/v1/prices", currency="usd", unit_amount=300, product=product["id"])

    item = old.post("/v1/invoiceitems", customer=customer, price=price["id"], quantity=2)
    other = old.post("/v1/invoiceitems", customer=customer, currency="usd", unit_amount=150, quantity=3)
    wrong = old.refused("POST", "/v1/invoiceitems", customer=customer, price="price_none")

    assert (item["amount"], other["amount"]) == (600, 450)
    assert (wrong["code"], wrong["param"]) == ("resource_missing", "price")


@pytest.mark.parametrize("version", [None, ACACIA])
def test_the_upcoming_invoice(stripe_emulator: Emulator, version: str | None) -> None:
    old = Old(stripe_emulator, version)
    subscription = old.subscription()
    item = subscription["items"]["data"][0]
    named = {"customer": subscription["customer"], "subscription": subscription["id"]}
    doubled = {
        "subscription_items": [{"id": item["id"], "quantity": 2}],
        "subscription_proration_behavior": "none",
    }

    plain = old.get("/v1/invoices/upcoming", **named)
    changed = old.get("/v1/invoices/upcoming", **named, **doubled)
    lines = old.get("/v1/invoices/upcoming/lines", **named, limit=1)
    unknown = old.refused("GET", "/v1/invoices/upcoming", **named, subscription_itmes="x")

    assert (plain["total"], changed["total"]) == (1000, 2000)
    assert [line["amount"] for line in lines["data"]] == [1000]
    assert (unknown["code"], unknown["param"]) == ("parameter_unknown", "subscription_itmes")


def test_upcoming_is_an_id_once_the_route_was_removed(stripe_emulator: Emulator) -> None:
    error = Old(stripe_emulator, BASIL).refused("GET", "/v1/invoices/upcoming", customer="cus_1")

    assert error["code"] in ("resource_missing", "parameter_unknown")


@pytest.mark.parametrize("version", [None, "2023-10-16"])
def test_features_of_a_product_are_marketing_now(stripe_emulator: Emulator, version: str | None) -> None:
    product = Old(stripe_emulator, version).post("/v1/products", name="Pen", features=[{"name": "Writes"}])

    assert product["features" if version else "marketing_features"] == [{"name": "Writes"}]


@pytest.mark.parametrize("version", [None, BASIL])
def test_phases_are_counted_in_iterations(stripe_emulator: Emulator, version: str | None) -> None:
    old = Old(stripe_emulator, version)
    phases = [{"items": [{"price": old.price()}], "iterations": 3}]

    schedule = old.post(
        "/v1/subscription_schedules", customer=old.customer(), start_date="now", phases=phases
    )

    phase = schedule["phases"][0]
    assert 88 * 86400 < phase["end_date"] - phase["start_date"] < 93 * 86400


def test_a_number_that_is_none_is_refused_under_its_older_name(stripe_emulator: Emulator) -> None:
    error = Old(stripe_emulator, ACACIA).refused(
        "POST", "/v1/invoiceitems", customer="cus_1", unit_amount="ten"
    )

    assert (error["message"], error["param"]) == ("Invalid decimal: ten", "unit_amount")


def test_a_form_is_encoded_as_the_wire_has_it() -> None:
    assert encoded({"a": [{"b": True}], "c": "d e"}) == "a%5B0%5D%5Bb%5D=true&c=d+e"


@pytest.mark.parametrize(
    ("version", "form", "refused"),
    [
        (DAHLIA, {}, True),
        (DAHLIA, {"payment_method_types": ["card"]}, False),
        (DAHLIA, {"return_url": "https://shop.example"}, False),
        (DAHLIA, {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}, False),
        ("2023-08-16", {}, True),
        ("2022-11-15", {}, False),
        (None, {}, False),
    ],
)
def test_a_server_that_sets_up_a_card_says_where_a_redirect_leads_back_to(
    stripe_emulator: Emulator, version: str | None, form: dict[str, Any], refused: bool
) -> None:
    asks = Old(stripe_emulator, version)
    wanted = {"confirm": True, "payment_method": "pm_card_visa", **form}

    status, answer = asks.ask("POST", "/v1/setup_intents", encoded(wanted))

    assert status == (400 if refused else 200)
    if refused:
        message = (
            "A return_url must be specified because this Setup Intent is configured to automatically accept"
        )
        assert answer["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("version", "mode", "status"),
    [
        ("2025-06-30.basil", "flexible", 400),
        ("2025-07-30.basil", "flexible", 200),
        ("2025-07-30.basil", None, 400),
        (CLOVER, None, 200),
    ],
)
def test_several_intervals_are_billed_together_from_the_summer_of_2025_on(
    stripe_emulator: Emulator, version: str, mode: str | None, status: int
) -> None:
    asks = Old(stripe_emulator, version)
    customer, monthly, product = asks.customer(), asks.price(), asks.post("/v1/products", name="Gold")["id"]
    each = {"currency": "usd", "unit_amount": 5, "product": product, "recurring": {"interval": "year"}}
    billed = {"billing_mode": {"type": mode}} if mode else {}
    rows = [{"price": monthly}, {"price": asks.post("/v1/prices", **each)["id"]}]
    described = [{"price": monthly}, {"price_data": each}]

    made = [
        asks.ask("POST", f"/v1/{path}", encoded({"customer": customer, **form}))
        for path, form in (
            ("subscriptions", {"items": rows, **billed}),
            ("subscriptions", {"items": described, **billed}),
            ("quotes", {"line_items": rows, **({"subscription_data": billed} if billed else {})}),
            ("subscription_schedules", {"start_date": 4_000_000_000, "phases": [{"items": rows}], **billed}),
        )
    ]

    assert [answered for answered, _ in made] == [status] * 4
