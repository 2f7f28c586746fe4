"""Stories that Stripe itself answered, played again to an emulator.

An exchange is one request with Stripe's whole answer. Ids differ: which of ours stands for which of
Stripe's is learnt as the answers come, and holds for the rest of the story. The emulator's clock goes
along with the recording's.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from stripe_emulator import Emulator
from stripe_emulator.api.request import Call
from stripe_emulator.core import ids
from stripe_emulator.core.wire import flat

from . import given

FILE = Path(__file__).with_name("recorded-traffic.json.gz")

#: An id of Stripe's, such as ``pi_3SRzq0KXBGcbgpbZ10anNW0j``; its first part names the kind.
ID = re.compile(r"(?:cus|pm|pmc|in|ii|il|pi|ch|txn|sub|si|di|re|inpay|price|prod|seti|cs_test)_\w{6,}")

#: Seconds by which a moment may differ: Stripe needed a second or two between its own steps.
TOLERANCE = 10

#: A whole number beyond this one is a moment and not an amount.
EARLIEST_MOMENT = 1_500_000_000

#: What stands in a difference where one side has no such field.
ABSENT = "(absent)"


class Exchange(NamedTuple):
    """One request, and what Stripe answered."""

    method: str
    path: str
    params: str
    version: str
    status: int
    answer: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Difference(NamedTuple):
    """Where we answer otherwise: the object's kind with the field, and the two values."""

    place: str
    recorded: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.place}: Stripe has {self.recorded!r:.300}, we have {self.ours!r:.300}"


@cache
def stories() -> dict[str, list[Exchange]]:
    """Every story by its number, without what belongs to Connect."""
    recorded: dict[str, list[dict[str, Any]]] = json.loads(gzip.decompress(FILE.read_bytes()))
    parsed = {
        number: [
            exchange
            for exchange in (Exchange(**each) for each in exchanges)
            if not exchange.path.startswith(("/v1/accounts", "/v1/transfers"))
        ]
        for number, exchanges in recorded.items()
    }
    return {number: story for number, story in parsed.items() if story}


class Replay:
    """One story, and an emulator of its own to play it to."""

    def __init__(self, story: list[Exchange]) -> None:
        self.story = story
        #: Stripe's id, or the prefix of an invoice's number -> ours.
        self.known: dict[str, str] = {}
        self.emulator = Emulator(now=given.EARLIEST)
        self._make_prices_and_coupons()

    def differences(self) -> Iterator[tuple[Exchange, list[Difference]]]:
        """Play the story; each exchange with what we answered otherwise."""
        for exchange in self.story:
            self._go_to(_moment(exchange))
            self._make_what_is_named(exchange)
            status, answer = self.ask(exchange.method, exchange.path, exchange.params, exchange.version)
            if status != exchange.status:
                differences = [Difference("status", exchange.status, (status, answer.get("error", answer)))]
            elif status >= 300:
                differences = list(_error_differences(exchange.answer["error"], answer["error"]))
            else:
                differences = list(self.compare(exchange.answer, answer))
            yield exchange, differences
        self.emulator.close()

    def ask(self, method: str, path: str, params: str, version: str | None = None) -> tuple[int, Any]:
        """Send a request as it was recorded, with our ids in place of Stripe's."""
        pairs = parse_qsl(params, keep_blank_values=True)
        ours = urlencode([(name, self.known.get(value, value)) for name, value in pairs])
        headers = {"authorization": "Bearer sk_test_recorded"}
        if version is not None:
            headers["stripe-version"] = version
        query, body = (ours, b"") if method == "GET" else ("", ours.encode())
        path = "/".join(self.known.get(part, part) for part in path.split("/"))
        reply = self.emulator.api.answer(Call(method, path, query, headers, body))
        return reply.status, json.loads(reply.body)

    def _go_to(self, moment: int) -> None:
        if moment > self.emulator.now():
            self.emulator.advance(to=moment)

    # What was there before the recording began.

    def _make_prices_and_coupons(self) -> None:
        everything = [exchange.answer for story in stories().values() for exchange in story]
        self._make("products", "product", given.ONE_TIME["product"], given.PRODUCT)
        for price in [*given.shown(everything, "price"), given.ONE_TIME]:
            self._go_to(price["created"])
            self._make("prices", "price", price["id"], given.of_price(price))
        for coupon in given.shown([exchange.answer for exchange in self.story], "coupon"):
            self._go_to(coupon["created"])
            self._make("coupons", "coupon", coupon["id"], given.of_coupon(coupon))

    def _make_what_is_named(self, exchange: Exchange) -> None:
        """Customers, cards and drafts that a request names and no earlier exchange made."""
        _, _, resource, *rest = exchange.path.split("/")
        params = dict(parse_qsl(exchange.params))
        customer = rest[0] if resource == "customers" and rest else params.get("customer")
        if exchange.status != 404 and customer and customer not in self.known:
            self._make("customers", "customer", customer, given.CUSTOMER)
        method = params.get("invoice_settings[default_payment_method]")
        if method is not None and method not in self.known:
            _, attached = self.ask("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")
            self.known[method] = attached["id"]
        if resource == "invoices" and rest and rest[0] not in self.known:
            self._draft(rest[0], exchange.answer)

    def _draft(self, recorded_id: str, invoice: dict[str, Any]) -> None:
        """An invoice of which only the payment was recorded: its items wait, then it is drafted."""
        for line in invoice["lines"]["data"]:
            fields = {key: line[key] for key in ("amount", "currency", "description")}
            self.ask("POST", "/v1/invoiceitems", urlencode({"customer": invoice["customer"], **fields}))
        wanted = {"customer": invoice["customer"], "pending_invoice_items_behavior": "include"}
        _, draft = self.ask("POST", "/v1/invoices", urlencode(wanted))
        self.known[recorded_id] = draft["id"]

    def _make(self, section: str, kind: str, own_id: str, fields: dict[str, Any]) -> None:
        form = "&".join(f"{quote(name)}={quote(value)}" for name, value in flat(fields))
        with ids.chosen(kind, own_id):
            status, answer = self.ask("POST", f"/v1/{section}", form)
        assert status == 200, answer
        self.known[own_id] = own_id

    # How our answer differs.

    def compare(self, recorded: Any, ours: Any, place: str = "answer") -> Iterator[Difference]:
        """Where ours is another value; ids count as the same as long as they stay in pairs."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            if isinstance(recorded.get("object"), str) and recorded["object"] != "list":
                place = recorded["object"]
            if place == "customer" and recorded.get("invoice_prefix"):
                self.known[recorded["invoice_prefix"]] = ours["invoice_prefix"]
            for key in sorted(recorded.keys() | ours.keys()):
                stripes, mine = recorded.get(key, ABSENT), ours.get(key, ABSENT)
                yield from self.compare(stripes, mine, f"{place}.{key}")
        elif isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
            for stripes, mine in zip(recorded, ours, strict=True):
                yield from self.compare(stripes, mine, f"{place}[]")
        elif not self._are_the_same(recorded, ours):
            yield Difference(place, recorded, ours)

    def _are_the_same(self, recorded: Any, ours: Any) -> bool:
        if isinstance(recorded, str) and isinstance(ours, str):
            return self._is_the_same_text(recorded, ours)
        if isinstance(recorded, int) and isinstance(ours, int) and recorded > EARLIEST_MOMENT:
            return abs(recorded - ours) <= TOLERANCE
        return bool(recorded == ours) and isinstance(recorded, bool) == isinstance(ours, bool)

    def _is_the_same_text(self, recorded: str, ours: str) -> bool:
        """Ids may differ, but one of Stripe's is always the same one of ours, also within a text."""
        if recorded == ours:
            return True
        if ID.fullmatch(recorded) and recorded not in self.known:
            if (
                recorded.split("_", maxsplit=1)[0] != ours.split("_", maxsplit=1)[0]
                or ours in self.known.values()
            ):
                return False
            self.known[recorded] = ours
            return True
        prefix, dash, number = recorded.partition("-")
        if self.known.get(prefix, "") + dash + number == ours:
            return True  # the prefix of a customer's invoices, or the number of one
        return ID.sub(lambda match: self.known.get(match[0], match[0]), recorded) == ours


def _error_differences(recorded: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
    for name in ("type", "code", "decline_code", "param"):
        if recorded.get(name) != ours.get(name):
            yield Difference(f"error.{name}", recorded.get(name, ABSENT), ours.get(name, ABSENT))


def _moment(exchange: Exchange) -> int:
    """When Stripe did what was asked, as far as its answer tells; 0 where nothing was made."""
    made = given.objects_in(exchange.answer) if exchange.method == "POST" else []
    return max((int(value["created"]) for value in made if "created" in value), default=0)
