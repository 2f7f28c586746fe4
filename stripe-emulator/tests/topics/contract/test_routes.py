"""Routes come from the SDK's own service classes."""

import importlib
import types

import pytest

from stripe_emulator import contract

from ..shop import SDK


def test_every_route_of_stripes_first_api_is_known() -> None:
    paths = [route for route in contract.routes() if route.path.startswith("/v1/")]

    assert len(paths) == {15: 540, 16: 557}[SDK]


def test_a_path_with_an_id_finds_its_route() -> None:
    route = contract.find("post", "/v1/customers/cus_123")

    assert route is not None
    assert (route.verb, route.path, route.answer) == ("POST", "/v1/customers/{customer}", "Customer")
    assert route.resource == "v1/customers"


def test_a_fixed_word_wins_over_an_id_of_the_same_place() -> None:
    preview = contract.find("POST", "/v1/invoices/create_preview")
    invoice = contract.find("GET", "/v1/invoices/create_preview")

    assert preview is not None
    assert preview.path == "/v1/invoices/create_preview"
    assert invoice is not None
    assert invoice.path == "/v1/invoices/{invoice}"


def test_thin_events_are_found_in_the_second_api() -> None:
    assert contract.find("GET", "/v2/core/events/evt_1") is not None


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("PATCH", "/v1/customers/cus_1"),
        ("GET", "/v1/custumers"),
        ("GET", "/v1/customers//sources"),
        ("GET", "/v1/customers/cus_1/sources/card_1/more"),
        ("GET", "/"),
        ("GET", ""),
    ],
)
def test_what_stripe_does_not_have_is_not_found(verb: str, path: str) -> None:
    assert contract.find(verb, path) is None


def test_every_route_is_found_by_its_own_path() -> None:
    lost = [route for route in contract.routes() if contract.find(route.verb, route.example_path) != route]

    assert lost == []


@pytest.mark.parametrize("module", ["stripe._customer_service", "stripe.checkout._session_service"])
def test_no_method_of_a_service_is_overlooked(module: str) -> None:
    """The source is read as text; the compiled methods must name the same paths."""
    services = [
        value for name, value in vars(importlib.import_module(module)).items() if name.endswith("Service")
    ]
    compiled = {
        constant
        for service in services
        for method in vars(service).values()
        if isinstance(method, types.FunctionType)
        for constant in method.__code__.co_consts
        if isinstance(constant, str) and constant.startswith("/v1/")
    }

    assert compiled == {route.path for route in contract.routes() if route.module == module}


def test_coverage_counts_what_is_served_by_resource() -> None:
    table = contract.coverage(lambda verb, path: (verb, path) == ("GET", "/v1/balance"))

    assert [(str(route), served) for route, served in table["v1/balance"]] == [("GET /v1/balance", True)]
    assert not any(served for _, served in table["v1/customers"])
    assert sum(len(rows) for rows in table.values()) == len(contract.routes())
