"""What nobody can make here: lists that are empty in truth."""

from __future__ import annotations

import re

import pytest
import stripe

from stripe_emulator.api import routing
from stripe_emulator.api.routing import Endpoint
from stripe_emulator.server import empty_lists, load

from ..shop import SDK, Shop
from ..versions.old import Old

load.load()

ENDPOINTS = list(empty_lists.endpoints())
#: What must be asked of a list.
ASKED = {"/v1/apps/secrets": {"scope": {"type": "account"}}}
LISTS = [endpoint for endpoint in ENDPOINTS if endpoint.path in empty_lists.NOBODYS]


def test_every_row_of_the_table_is_a_list_of_stripes() -> None:
    later = {"/v1/apps/installs"} if SDK < 16 else set()

    assert {endpoint.path for endpoint in LISTS} == empty_lists.NOBODYS.keys() - later


def test_no_row_is_answered_elsewhere() -> None:
    """Who teaches the emulator to make one of these deletes its row."""
    others = [
        e.path for e in ENDPOINTS if routing.ENDPOINTS["GET", e.path].view.__class__.__name__ != "partial"
    ]
    assert others == []


def test_nobody_can_make_what_is_listed_as_empty() -> None:
    assert [e.path for e in LISTS if ("POST", e.path) in routing.ENDPOINTS] == []


@pytest.mark.parametrize("endpoint", LISTS, ids=str)
def test_the_list_is_empty(shop: Shop, endpoint: Endpoint) -> None:
    listed = Old(shop.emulator, None).get(endpoint.path, limit=3, **ASKED.get(endpoint.path, {}))

    assert listed == {"object": "list", "data": [], "has_more": False, "url": endpoint.path}


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if "{" in e.path], ids=str)
def test_nothing_is_found_by_an_id(shop: Shop, endpoint: Endpoint) -> None:
    path = re.sub(r"\{\w+\}", "x_1", endpoint.path)

    error = Old(shop.emulator, None).refused(
        "GET",
        path,
    )

    assert (error["status"], error["code"]) == (404, "resource_missing")
    assert error["message"].endswith(": 'x_1'")


def test_a_page_after_something_that_is_not_there_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such transfer: 'tr_1'") as refused:
        shop.v1.transfers.list({"starting_after": "tr_1"})

    assert refused.value.param == "starting_after"


def test_making_one_stays_a_loud_refusal(shop: Shop) -> None:
    with pytest.raises(stripe.APIError, match="does not do this yet: POST /v1/transfers"):
        shop.v1.transfers.create({"amount": 100, "currency": "usd", "destination": "acct_1"})


def test_a_range_of_time_finds_nothing_either(shop: Shop) -> None:
    assert shop.v1.transfers.list({"created": {"gte": 1, "lt": 5}}).data == []
