"""Forms become typed values, or Stripe's own errors."""

from typing import Any

import pytest

from stripe_emulator import contract
from stripe_emulator.contract import Hash, Parameter, parameters_of

from ..shop import SDK


def read(verb: str, path: str, form: dict[str, Any]) -> dict[str, Any]:
    route = contract.find(verb, path)
    assert route is not None
    return contract.read(route, form)


def refusal(verb: str, path: str, form: dict[str, Any]) -> contract.ParameterError:
    with pytest.raises(contract.ParameterError) as refused:
        read(verb, path, form)
    return refused.value


INTENT = {"amount": "1000", "currency": "usd"}


def test_text_becomes_what_stripe_declares() -> None:
    form = {
        "amount": "1000",
        "currency": "usd",
        "confirm": "true",
        "payment_method_options": {"card": {"request_three_d_secure": "any"}},
        "metadata": {"order": "7"},
    }

    assert read("POST", "/v1/payment_intents", form) == {
        "amount": 1000,
        "currency": "usd",
        "confirm": True,
        "payment_method_options": {"card": {"request_three_d_secure": "any"}},
        "metadata": {"order": "7"},
    }


def test_a_hash_of_indexes_is_a_list_in_the_order_of_the_indexes() -> None:
    rows = {"10": "fr", "2": "de", "0": "en"}

    assert read("POST", "/v1/customers", {"preferred_locales": rows}) == {
        "preferred_locales": ["en", "de", "fr"]
    }


def test_a_decimal_stays_text() -> None:
    form = {"product": "prod_1", "currency": "usd", "unit_amount_decimal": "0.05"}

    assert read("POST", "/v1/prices", form)["unit_amount_decimal"] == "0.05"


def test_a_filter_is_a_number_or_a_range() -> None:
    assert read("GET", "/v1/charges", {"created": "5"}) == {"created": 5}
    assert read("GET", "/v1/charges", {"created": {"gte": "5"}}) == {"created": {"gte": 5}}


def test_an_empty_string_unsets_what_can_be_unset() -> None:
    form = {"address": "", "metadata": {"order": ""}}

    assert read("POST", "/v1/customers/cus_1", form) == form


def test_expand_is_taken_everywhere() -> None:
    assert read("DELETE", "/v1/customers/cus_1", {"expand": ["default_source"]}) == {
        "expand": ["default_source"]
    }


@pytest.mark.parametrize(
    ("path", "form", "code", "param", "message"),
    [
        (
            "/v1/customers",
            {"address": {"planet": "mars"}},
            "parameter_unknown",
            "address[planet]",
            "Received unknown parameter: address[planet]",
        ),
        (
            "/v1/customers",
            {"foo": "1", "bar": {"0": "2"}},
            "parameter_unknown",
            "foo",
            "Received unknown parameters: foo, bar",
        ),
        (
            "/v1/payment_intents",
            {"amount": "1000"},
            "parameter_missing",
            "currency",
            "Missing required param: currency.",
        ),
        (
            "/v1/checkout/sessions",
            {"line_items": {"0": {"price_data": {"unit_amount": "5"}}}},
            "parameter_missing",
            "line_items[0][price_data][currency]",
            "Missing required param: line_items[0][price_data][currency].",
        ),
        (
            "/v1/payment_intents",
            {"amount": "ten", "currency": "usd"},
            "parameter_invalid_integer",
            "amount",
            "Invalid integer: ten",
        ),
        (
            "/v1/payment_intents",
            {"amount": "9" * 19, "currency": "usd"},
            "parameter_invalid_integer",
            "amount",
            "Invalid integer: 9999999999999999999",
        ),
        ("/v1/payment_intents", INTENT | {"confirm": "yes"}, None, "confirm", "Invalid boolean: yes"),
        ("/v1/checkout/sessions", {"line_items": "price_1"}, None, "line_items", "Invalid array"),
        ("/v1/checkout/sessions", {"line_items": {"first": {}}}, None, "line_items", "Invalid array"),
        ("/v1/customers", {"address": "Main Street"}, None, "address", "Invalid object"),
        ("/v1/customers", {"address": ["Main Street"]}, None, "address", "Invalid object"),
        ("/v1/customers", {"email": {"at": "example.com"}}, None, "email", "Invalid string"),
        (
            "/v1/checkout/sessions",
            {"ui_mode": "hosted"},
            None,
            "ui_mode",
            "Invalid ui_mode: must be one of elements, embedded_page, form, or hosted_page",
        ),
        (
            "/v1/payment_intents",
            INTENT | {"setup_future_usage": "later"},
            None,
            "setup_future_usage",
            "Invalid setup_future_usage: must be one of off_session or on_session",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_in_stripes_words(
    path: str, form: dict[str, Any], code: str | None, param: str, message: str
) -> None:
    error = refusal("POST", path, form)

    assert (error.code, error.param, error.message) == (code, param, message)


def test_an_empty_string_that_unsets_nothing_is_refused() -> None:
    error = refusal("POST", "/v1/payment_intents", {"amount": "", "currency": "usd"})

    assert (error.code, error.param) == ("parameter_invalid_empty", "amount")
    assert error.message.startswith("You passed an empty string for 'amount'.")


def test_the_settings_of_the_sdk_are_no_parameters() -> None:
    assert refusal("POST", "/v1/customers", {"idempotency_key": "k"}).code == "parameter_unknown"


def test_every_parameter_of_every_route_is_understood() -> None:
    """Whatever the next SDK annotates with: a kind that we can't read must fail here."""
    seen: set[Hash] = set()
    waiting = [parameters_of(route) for route in contract.routes()]
    while waiting:
        hash_type = waiting.pop()
        if hash_type in seen:
            continue
        seen.add(hash_type)
        for name, parameter in hash_type.fields.items():
            kinds = list(within(parameter))
            assert all(takes_something(kind) for kind in kinds), name
            waiting += [nested for kind in kinds for nested in kind.hashes]

    assert len(seen) > (4000 if SDK >= 16 else 3900)


def within(parameter: Parameter) -> list[Parameter]:
    """A parameter and what its lists and maps hold."""
    held = [each for each in (parameter.items, parameter.values) if each is not None]
    return [parameter, *(inner for each in held for inner in within(each))]


def takes_something(parameter: Parameter) -> bool:
    return bool(
        parameter.words
        or parameter.scalars
        or parameter.items
        or parameter.hashes
        or parameter.values
        or parameter.anything
        or parameter.can_be_unset
    )


@pytest.mark.parametrize(
    ("path", "needed", "texts"),
    [
        ("/v1/customers", {}, ["description", "email", "name", "phone"]),
        ("/v1/payment_intents", INTENT, ["description", "receipt_email", "statement_descriptor_suffix"]),
        ("/v1/subscriptions", {}, ["default_payment_method", "default_source", "description"]),
        ("/v1/invoices", {}, ["default_payment_method", "description", "footer", "statement_descriptor"]),
        ("/v1/products", {"name": "Pen"}, ["description", "statement_descriptor", "unit_label"]),
        ("/v1/prices", {"currency": "usd"}, ["lookup_key", "nickname"]),
    ],
)
def test_an_empty_text_is_no_text(path: str, needed: dict[str, Any], texts: list[str]) -> None:
    for name in texts:
        assert name not in read("POST", path, needed | {name: ""})
        assert read("POST", path, needed | {name: "a"})[name] == "a"


@pytest.mark.parametrize("name", ["description", "email", "name", "phone"])
def test_an_empty_text_empties_on_update(name: str) -> None:
    assert read("POST", "/v1/customers/cus_1", {name: ""}) == {name: ""}


@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("/v1/payment_intents", INTENT | {"customer": ""}, "customer"),
        ("/v1/payment_intents", INTENT | {"payment_method": ""}, "payment_method"),
        ("/v1/checkout/sessions", {"customer_email": ""}, "customer_email"),
        ("/v1/checkout/sessions", {"success_url": ""}, "success_url"),
        ("/v1/products", {"name": ""}, "name"),
    ],
)
def test_an_empty_name_of_something_is_refused(path: str, form: dict[str, Any], param: str) -> None:
    error = refusal("POST", path, form)

    assert (error.code, error.param) == ("parameter_invalid_empty", param)


def test_lines_of_an_address_may_be_blank() -> None:
    address = {"line1": "1 Main St", "line2": "", "state": ""}

    assert read("POST", "/v1/customers", {"address": address}) == {"address": address}
