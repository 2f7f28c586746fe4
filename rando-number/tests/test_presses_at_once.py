"""Everything pressed at once, and while the account closes: each press is taken or refused."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, got_request_exception

from .reading import forms
from .running_shop import RunningShop, Visitor
from .serving import at_once

ROUNDS = 2


def with_card(shop: RunningShop, email: str) -> tuple[Visitor, str]:
    """A customer with a card on file, and the card's id."""
    customer = shop.customer(email)
    shop.stripe.pay(customer.buy(pack="starter", keep_card="1"))
    card = re.search(r"/cards/(pm_\w+)", customer.get("/cards").text)
    assert card is not None
    return customer, card[1]


def faults_of(shop: RunningShop) -> list[str]:
    """What goes wrong from now on."""
    faults: list[str] = []

    def note(app: Flask, exception: BaseException, **extra: Any) -> None:
        faults.append(repr(exception))

    got_request_exception.connect(note, shop.app, weak=False)
    return faults


def test_all_verbs_of_a_plan_at_once(any_shop: RunningShop) -> None:
    faults = faults_of(any_shop)
    for number in range(ROUNDS):
        customer, card = with_card(any_shop, f"pat{number}@rando.test")
        customer.send("/subscription", plan="small", saved_card=card)
        token = forms(customer.get("/usage").text)["/usage/limit"]
        verbs: list[tuple[str, dict[str, str]]] = [
            ("/subscription/cancel", {"when": "now"}),
            ("/subscription/cancel", {"when": "end"}),
            ("/subscription/keep", {}),
            ("/subscription/pause", {}),
            ("/subscription/resume", {}),
            ("/subscription/card", {"saved_card": card}),
            ("/subscription/change", {"plan": "large", "proration_date": "1760000000", "due_minor": "100"}),
            ("/subscription", {"plan": "large", "saved_card": card}),
            ("/close-account", {}) if number else (f"/cards/{card}/remove", {}),
        ]
        tabs = [customer.another_tab() for _ in verbs]

        def press(n: int, tabs: Any = tabs, verbs: Any = verbs, token: Any = token) -> int:
            path, fields = verbs[n]
            status: int = tabs[n].post(path, data={**token, **fields}).status_code
            return status

        statuses = at_once(len(verbs), press)

        assert 500 not in statuses, (statuses, faults)
    assert faults == []


def test_a_purchase_by_card_while_the_account_closes(any_shop: RunningShop) -> None:
    faults = faults_of(any_shop)
    for number in range(ROUNDS):
        customer, card = with_card(any_shop, f"pat{number}@rando.test")
        token = forms(customer.get("/usage").text)["/usage/limit"]
        presses: list[tuple[str, dict[str, str]]] = [
            ("/buy-credits", {"pack": "starter", "saved_card": card}),
            ("/close-account", {}),
            ("/buy-credits", {"pack": "regular", "saved_card": card}),
            (f"/cards/{card}/default", {}),
        ]
        tabs = [customer.another_tab() for _ in presses]

        def press(n: int, tabs: Any = tabs, presses: Any = presses, token: Any = token) -> int:
            path, fields = presses[n]
            status: int = tabs[n].post(path, data={**token, **fields}).status_code
            return status

        statuses = at_once(len(presses), press)

        assert 500 not in statuses, (statuses, faults)
    assert faults == []
