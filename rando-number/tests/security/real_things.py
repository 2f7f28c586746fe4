"""What a shop under attack really has: a form that names it is read beyond its first field.

A malformed request is refused at the first thing that is wrong. Many requests have one wrong thing only: the
form of a page with all its fields, the number of a payment that is there, an event that did come in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

import flask_prepaid
import rando_number
from flask_prepaid import Alert, ApiKey, Code, Customer, Payment, WebhookEndpoint
from flask_prepaid.operations.models import InboxEvent
from flask_prepaid.payments.customers.models import SavedCard
from flask_prepaid.payments.models import Dispute, Refund
from flask_prepaid.subscriptions.models import Invoice, Subscription
from rando_number.extensions import db

from ..running_shop import RunningShop, Visitor

#: Cards of what is bought: one that pays, one whose refund takes days, one that is disputed at once.
CARDS = ("4242424242424242", "4000000000007726", "4000000000000259")

#: Values that a field of this name may have, whatever is there.
FITTING = {
    "all": ["1"],
    "amount": ["0.10", "1.00"],
    "credits": ["1", "5"],
    "currency": ["usd"],
    "direction": ["add", "take"],
    "do": ["change", "cancel", "keep", "pause", "on", "off", "unblock"],
    "every": ["day", "month", "ever"],
    "kind": ["balance", "budget", "lapse"],
    "limit": ["5"],
    "name": ["mine", "receipt"],
    "pack": ["starter"],
    "plan": ["small", "large"],
    "quantity": ["1", "2"],
    "reason": ["because"],
    "remove": [""],
    "show": ["all"],
    "text": ["a note"],
    "threshold": ["5"],
    "trial": ["", "1"],
    "url": ["https://program.example/hook"],
    "when": ["end", "now"],
    "zone": ["UTC", "Europe/Berlin"],
}

#: Where what a field, or a part of an address, names is kept. Whose it is, is not looked at.
COLUMNS: dict[str, list[Any]] = {
    "alert_id": [Alert.id],
    "card_id": [SavedCard.id],
    "code": [Code.code],
    "endpoint_id": [WebhookEndpoint.id],
    "event": [InboxEvent.id],
    "key": [ApiKey.id],
    "key_id": [ApiKey.id],
    "owner": [Customer.owner],
    "payment": [Payment.id],
    "payment_id": [Payment.id],
    "saved_card": [SavedCard.id],
    "session_id": [Payment.session_id],
}

#: What events of Stripe's are about.
OF_EVENTS = [
    *(Payment.session_id, Payment.payment_intent_id, Payment.charge_id, Refund.stripe_id),
    *(Dispute.id, Invoice.stripe_id, Subscription.stripe_id),
]


class RealThings:
    """What is there, as it was looked at last."""

    def __init__(self, shop: RunningShop, random: Random) -> None:
        self.shop = shop
        self.random = random
        self.by_name: dict[str, list[str]] = {}
        self.stripe_ids: list[str] = []

    def trade(self, customer: Visitor) -> None:
        """Have a customer subscribe, buy, and make what the pages list; then look at what is there."""
        customer.subscribe()
        for card in CARDS:
            self.shop.stripe.pay(customer.buy(pack="starter", keep_card="1"), card=card)
        customer.make_key()
        self.look()

    def look(self) -> None:
        with self.shop.app.app_context():
            self.by_name = {name: _texts(columns) for name, columns in COLUMNS.items()}
            self.stripe_ids = _texts(OF_EVENTS)

    def value(self, name: str) -> str | None:
        """A value that fits a field of this name; ``None`` where nothing is known of it."""
        if name == "attempt":
            return f"{self.random.randrange(10**20):020}"
        known = self.by_name.get(name) or FITTING.get(name)
        return self.random.choice(known) if known else None


def _texts(columns: list[Any]) -> list[str]:
    values = (value for column in columns for value in db.session.scalars(select(column).limit(200)))
    return [str(value) for value in values if value is not None]


@cache
def forms_of_templates() -> dict[str, list[str]]:
    """The fields of each form that a page has, by the endpoint that it leads to."""
    forms: dict[str, set[str]] = defaultdict(set)
    for package in (flask_prepaid, rando_number):
        for file in sorted((Path(str(package.__file__)).parent / "templates").rglob("*.html")):
            for form in re.findall(r"<form.*?</form>", file.read_text(), re.DOTALL):
                leads_to = re.search(r"action=\"\{\{ url_for\('([\w.]+)'", form)
                if leads_to is not None:
                    forms[leads_to[1]] |= set(re.findall(r'\bname="([a-z_]+)"', form))
    return {endpoint: sorted(names - {"csrf_token"}) for endpoint, names in forms.items()}
