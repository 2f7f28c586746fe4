"""What Stripe has and the emulator has not is said by name; nothing is passed over in silence."""

from __future__ import annotations

import copy
import json
from operator import attrgetter
from typing import Any

import pytest
import stripe

from stripe_emulator import contract
from stripe_emulator.contract import Given

from ..shop import Shop, envelope
from ..versions.old import Old

PAYMENT: dict[str, Any] = {"amount": 500, "currency": "usd"}
PRICE: dict[str, Any] = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}}
SESSION: dict[str, Any] = {
    "mode": "payment",
    "success_url": "https://shop.example",
    "line_items": [{"quantity": 1, "price_data": PRICE}],
}


@pytest.mark.parametrize(
    ("resource", "verb", "form"),
    [
        ("payment_intents", "create", {**PAYMENT, "radar_options": {"session": "rse_1"}}),
        (
            "payment_intents",
            "create",
            {**PAYMENT, "hooks": {"inputs": {"tax": {"calculation": "taxcalc_1"}}}},
        ),
        ("payment_intents", "list", {"customer_account": "acct_1"}),
        ("quotes", "create", {"customer_account": "acct_1"}),
        ("checkout.sessions", "create", {**SESSION, "name_collection": {"business": {"enabled": True}}}),
        ("checkout.sessions", "create", {**SESSION, "after_expiration": {"recovery": {"enabled": True}}}),
    ],
)
def test_a_parameter_that_would_have_no_effect_is_refused_and_nothing_is_done(
    shop: Shop, resource: str, verb: str, form: dict[str, Any]
) -> None:
    call = attrgetter(f"{resource}.{verb}")(shop.client.v1)
    with pytest.raises(stripe.APIError) as refused:
        call(form)

    *_, param = form
    assert refused.value.http_status == 501
    assert refused.value.headers is not None
    assert refused.value.headers["stripe-should-retry"] == "false"
    assert envelope(refused.value)["param"] == param
    assert shop.emulator.state()["objects"] == {}


@pytest.mark.parametrize("version", [None, "2024-06-20"])
def test_a_nested_parameter_that_would_have_no_effect_is_refused_too(shop: Shop, version: str | None) -> None:
    item: Any = {"price": shop.price(900, recurring={"interval": "month"}), "clear_usage": True}
    customer = shop.customer()
    subscription = shop.subscribe(customer, item["price"])
    own = subscription.to_dict()["items"]["data"][0]["id"]

    with pytest.raises(stripe.APIError) as refused:
        shop.v1.subscriptions.update(
            subscription.id,
            {"items": [{"id": own, "quantity": 2, "clear_usage": True}]},
            {"stripe_version": version} if version else {},
        )

    assert refused.value.http_status == 501
    assert envelope(refused.value)["param"] == "items[0][clear_usage]"
    assert shop.v1.subscription_items.retrieve(own).quantity == 1


def test_a_nested_parameter_that_never_existed_is_refused_by_its_whole_name(shop: Shop) -> None:
    form: Any = {"currency": "usd", "amount": 500, "shipping": {"name": "Jo", "address": {"strasse": "A"}}}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.create(form)

    assert refused.value.param == "shipping[address][strasse]"


def test_a_route_that_is_not_there_says_so(shop: Shop) -> None:
    with pytest.raises(stripe.APIError, match="POST /v1/transfers"):
        shop.v1.transfers.create({"currency": "usd", "destination": "acct_1"})


@pytest.mark.parametrize(
    ("verb", "path", "named"),
    [
        ("GET", "/v1/customers/cus_1/subscriptions", "/v1/customers/{customer}/subscriptions"),
        ("POST", "/v1/charges/ch_1/refund", "/v1/charges/{charge}/refund"),
        ("GET", "/v1/balance/history", "/v1/balance/history"),
        ("GET", "/v1/linked_accounts", "/v1/linked_accounts"),
    ],
)
def test_a_route_of_stripes_that_no_sdk_calls_says_so_too(
    shop: Shop, verb: str, path: str, named: str
) -> None:
    error = Old(shop.emulator, None).refused(verb, path)

    assert (error["status"], error["code"]) == (501, "not_emulated")
    assert f": {verb} {named}. " in error["message"]


@pytest.mark.parametrize(
    ("version", "status"), [("2025-02-24.acacia", 501), (None, 501), ("2025-03-31.basil", 404)]
)
def test_records_of_usage_are_there_and_not_emulated_until_basil(
    shop: Shop, version: str | None, status: int
) -> None:
    path = "/v1/subscription_items/si_1/usage_records"

    assert Old(shop.emulator, version).refused("POST", path, quantity=1)["status"] == status


@pytest.mark.parametrize("path", ["/v1/customers/cus_1/shoes", "/v1/customers//cards", "/v1/shoes"])
def test_what_stripe_does_not_have_is_not_found(shop: Shop, path: str) -> None:
    error = Old(shop.emulator, None).refused("GET", path)

    assert (error["status"], error["message"][:24]) == (404, "Unrecognized request URL")


@pytest.mark.parametrize(
    ("read", "left"),
    [
        (lambda form: form["a"], ["b"]),
        (lambda form: form.get("b"), ["a"]),
        (lambda form: "a" in form, ["b"]),
        (lambda form: (form | {"c": 1})["a"], ["b"]),
        (lambda form: {**form}, []),
        (dict, []),
        (lambda form: list(form.items()), []),
        (lambda form: form.keys() - {"a"}, ["a", "b"]),
    ],
)
def test_parameters_remember_which_of_them_were_read(read: Any, left: list[str]) -> None:
    form = Given({"a": 1, "b": 2})

    read(form)

    assert form.unread() == left


@pytest.mark.parametrize(
    ("read", "left"),
    [
        (lambda form: form["items"], ["items[0][price]", "items[0][tax]", "items[1][price]"]),
        (lambda form: [row["price"] for row in form["items"]], ["items[0][tax]"]),
        (lambda form: form["items"][0]["tax"]["rate"], ["items[0][price]", "items[1][price]"]),
        (json.dumps, []),
        (copy.deepcopy, []),
    ],
)
def test_what_lies_within_a_parameter_is_remembered_by_itself(read: Any, left: list[str]) -> None:
    rows = [Given({"price": 1, "tax": Given({"rate": 2})}), Given({"price": 3})]
    form = Given({"items": rows})

    read(form)

    assert form.unread() == left


def test_what_is_absent_now_can_be_expanded_all_the_same(shop: Shop) -> None:
    payment = shop.charge()
    refund = shop.v1.refunds.create(
        {"payment_intent": payment.id, "expand": ["failure_balance_transaction", "charge"]}
    )

    assert isinstance(refund.charge, stripe.Charge)
    assert contract.is_field("refund", "failure_balance_transaction")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.v1.refunds.retrieve(refund.id, {"expand": ["color"]})


def test_a_search_counts_its_rows_where_total_count_is_expanded(shop: Shop) -> None:
    for number in range(3):
        shop.v1.customers.create({"name": f"User {number}"})

    result = shop.v1.customers.search({"query": "created>0", "limit": 2, "expand": ["total_count"]})

    assert len(result.data) == 2
    assert result.to_dict()["total_count"] == 3
    assert "total_count" not in shop.v1.customers.search({"query": "created>0"}).to_dict()


def test_events_that_did_not_arrive_can_be_listed(shop: Shop) -> None:
    shop.answers = 500
    shop.v1.customers.create({})
    shop.emulator.deliver()
    shop.answers = 200
    shop.v1.products.create({"name": "Pen"})
    shop.emulator.deliver()

    def listed(success: bool) -> list[str]:
        return [event.type for event in shop.v1.events.list({"delivery_success": success}).data]

    assert (listed(success=False), listed(success=True)) == (["customer.created"], ["product.created"])


def test_a_list_goes_one_way_at_a_time(shop: Shop) -> None:
    customer = shop.v1.customers.create({})

    with pytest.raises(stripe.InvalidRequestError, match="only one"):
        shop.v1.customers.list({"starting_after": customer.id, "ending_before": customer.id})


@pytest.mark.parametrize(
    ("shared", "param"),
    [
        ({"transfer_data": {"destination": "acct_1"}}, "transfer_data[destination]"),
        ({"application_fee_amount": 10}, "application_fee_amount"),
    ],
)
def test_money_is_shared_with_nobody(shop: Shop, shared: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.charge(**shared)

    assert refused.value.param == param


def test_what_the_customer_chooses_is_no_price_here(shop: Shop) -> None:
    gift: Any = {
        "currency": "usd",
        "custom_unit_amount": {"enabled": True},
        "product_data": {"name": "Gift"},
    }
    chosen = shop.v1.prices.create(gift)

    with pytest.raises(stripe.APIError, match="does not do this yet"):
        shop.checkout(line_items=[{"price": chosen.id, "quantity": 1}])
