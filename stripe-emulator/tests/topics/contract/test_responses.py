"""The shape check accepts Stripe's own samples and catches what is not Stripe's shape."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stripe_emulator import contract
from stripe_emulator.contract.responses import absent, responses

from ..shop import with_sdk_16

#: The kinds of object that the emulator answers with.
KINDS = [
    *("balance", "balance_transaction", "billing_portal.configuration", "billing_portal.session", "charge"),
    *(
        "checkout.session",
        "coupon",
        "credit_note",
        "credit_note_line_item",
        "customer",
        "discount",
        "dispute",
    ),
    *("event", "invoice", "invoice_payment", "invoiceitem", "item", "line_item", "payment_intent"),
    *("payment_method", "payout", "price", "product", "promotion_code", "refund", "setup_attempt"),
    *("setup_intent", "subscription", "subscription_item", "subscription_schedule", "tax_rate"),
    *("test_helpers.test_clock", "webhook_endpoint"),
]

FIXTURES = Path(__file__).parents[2] / "data" / "stripe-fixtures3.json"
SAMPLES = absent.read_samples(FIXTURES)
DELETED = {
    name: sample
    for name, sample in json.loads(FIXTURES.read_text())["resources"].items()
    if sample.get("deleted")
}

#: Where the samples, of another build of Stripe's specification, are not what the SDK declares.
SAMPLES_DIFFER = re.compile(
    r"account_session \$\.components\.\w+: is missing .*"
    r"|customer_session \$\.components\.(active_entitlements|customer_portal): is missing .*"
    r"|billing_portal\.configuration \$\.features\.subscription_pause: is missing .*"
    r"|dispute \$\.evidence_details\.submission_method: is missing .*"
    r"|invoice \$\.subscription: is no field of Invoice"
    r"|subscription_schedule \$\.pause_schedules: is missing .*"
    r"|reserve\.\w+ \$\.(destination: is missing .*|reason: .*)"
    r"|credit_note \$\.lines\.data\[1\]\.invoice_line_item: is missing .*"
    # Objects within others, abbreviated in the samples.
    r"|\S+ \$\S*\.(destination|customer|source|account|card)\.\w+:"
    r" is missing from (Account|Customer|Source|Card)"
    r"|(charge|payment_intent) \$\.shipping\.\w+: is missing from \w+\.Shipping"
    r"|reporting\.report_run \$\.result\.\w+: is missing from File"
)


@pytest.mark.parametrize("name", SAMPLES)
def test_stripes_own_sample_has_the_shape(name: str) -> None:
    findings = responses.check_object(name, SAMPLES[name])

    assert [finding for finding in findings if not SAMPLES_DIFFER.fullmatch(f"{name} {finding}")] == []


@pytest.mark.parametrize("name", DELETED)
def test_stripes_own_sample_of_a_deleted_object_has_the_shape(name: str) -> None:
    sample = DELETED[name]

    assert responses.check_object(sample.get("object", name.removeprefix("deleted_")), sample) == []


@with_sdk_16
def test_the_table_of_absent_keys_is_what_the_samples_say() -> None:
    assert json.loads(absent.TABLE.read_text()) == absent.derive(SAMPLES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_has_the_keys_of_stripes_sample(kind: str) -> None:
    unlike = {f"{kind}.{key}" for key in contract.blank(kind).keys() ^ SAMPLES[kind].keys()}

    # These have a kind of theirs that lacks the field: a payment method that is no card, a metered item.
    assert unlike <= {
        "credit_note_line_item.invoice_line_item",
        "invoice.subscription",
        "payment_method.card",
        "review.payment_intent",
        "subscription_item.quantity",
        "subscription_schedule.pause_schedules",
        "token.bank_account",
        "token.card",
    }


def test_a_blank_fails_until_a_resource_fills_it() -> None:
    findings = responses.check_object("customer", contract.blank("customer"))

    assert "$.id: is null" in map(str, findings)


def test_two_blanks_share_nothing() -> None:
    contract.blank("charge")["metadata"]["a"] = "b"

    assert contract.blank("charge")["metadata"] == {}


def test_a_hash_that_came_in_part_is_made_whole() -> None:
    whole = contract.complete(
        "customer", {"name": "Jenny", "address": {"city": "Oslo"}, "metadata": {"a": "b"}}
    )

    assert whole == {
        "name": "Jenny",
        "address": dict.fromkeys(("country", "line1", "line2", "postal_code", "state")) | {"city": "Oslo"},
        "metadata": {"a": "b"},
    }


def test_an_object_within_an_object_is_left_to_its_own_resource() -> None:
    discount = {"id": "di_1", "object": "discount"}

    assert contract.complete("customer", {"discount": discount}) == {"discount": discount}


def test_a_stub_that_answers_nothing_fails_on_every_route() -> None:
    deaf = [
        str(route)
        for route in contract.routes()
        if route.path.startswith("/v1/") and not responses.check_response(route.verb, route.example_path, {})
    ]

    assert deaf == ["GET /v1/quotes/{quote}/pdf"]  # answers a file


def test_a_list_answers_with_a_page_of_its_objects() -> None:
    page = {"object": "list", "url": "/v1/coupons", "has_more": False, "data": [coupon()]}

    assert responses.check_response("GET", "/v1/coupons", page) == []
    assert responses.check_response("GET", "/v1/products", page) != []
    assert responses.check_response("GET", "/v1/coupons", page | {"has_more": "no"}) != []
    assert responses.check_response("GET", "/v1/coupons", {"object": "list", "data": []}) != []


def test_a_deleted_object_is_a_stub() -> None:
    stub = {"id": "cus_1", "object": "customer", "deleted": True}

    assert responses.check_response("DELETE", "/v1/customers/cus_1", stub) == []
    assert responses.check_response("DELETE", "/v1/customers/cus_1", stub | {"deleted": False}) != []


def test_a_route_that_stripe_does_not_have_is_a_finding() -> None:
    assert responses.check_response("GET", "/v1/nothing", {}) != []


def coupon() -> dict[str, Any]:
    return copy.deepcopy(SAMPLES["coupon"])


def add_unknown(place: dict[str, Any], key: str) -> None:
    place[f"{key}_surprise"] = place[key]


def rename(place: dict[str, Any], key: str) -> None:
    place[f"{key}_renamed"] = place.pop(key)


def change_type(place: dict[str, Any], key: str) -> None:
    other: dict[type, Any] = {str: 7, int: "7", bool: 1, float: "7.0", list: {"0": "a"}, dict: ["a"]}
    place[key] = other.get(type(place[key]), [12.5])


def drop(place: dict[str, Any], key: str) -> None:
    del place[key]


@pytest.mark.parametrize(
    ("mutate", "at_least"), [(add_unknown, 0.99), (rename, 0.99), (change_type, 0.99), (drop, 0.95)]
)
def test_seeded_faults_are_caught(mutate: Callable[[dict[str, Any], str], None], at_least: float) -> None:
    """Each key of each sample is broken once. Maps of one's own keys, such as metadata, can't be wrong."""
    caught = [
        finds_more(kind, SAMPLES[kind], path, key, mutate)
        for kind in KINDS
        for path, key in keys_of(SAMPLES[kind])
        if "metadata" not in path and not (kind == "event" and "data" in path)
    ]

    assert len(caught) > 1000
    assert sum(caught) / len(caught) >= at_least


def finds_more(
    kind: str,
    sample: dict[str, Any],
    path: tuple[Any, ...],
    key: str,
    mutate: Callable[[dict[str, Any], str], None],
) -> bool:
    broken = copy.deepcopy(sample)
    place: Any = broken
    for step in path:
        place = place[step]
    mutate(place, key)
    return bool(set(responses.check_object(kind, broken)) - set(responses.check_object(kind, sample)))


def keys_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield path, key
            yield from keys_of(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from keys_of(each, (*path, index))
