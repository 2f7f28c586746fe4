"""Malformed requests on every route of the shop, as a stranger, a customer and an operator; by a seed.

``./dev campaign malformed`` sends a million of them, ``test_malformed.py`` a sample.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

import flask_prepaid
import rando_number
from rando_number.limits.rates import limiter
from rando_number.models import User, db

from ..running_shop import RunningShop, Visitor

#: Where the shop is served in production.
BASE_URL = "https://rando.example"

#: What production sets by itself, but for the second factor of operators: Stripe is the emulator here.
PRODUCTION = {
    "RANDO_BASE_URL": BASE_URL,
    "RANDO_PROXY_HOPS": "1",
    "RANDO_CONFIRM_EMAIL": "1",
    "RANDO_CREDITS_AFTER_CONFIRM": "1",
    "RATELIMIT_ENABLED": "1",
}

#: After so many requests the limits begin anew: else nearly all of them would be answered 429.
LIMITED_FOR = 20

#: Texts that some column, parser or alphabet does not take; half of a character comes as its bytes.
TEXTS: list[str | bytes] = [
    "",
    " ",
    "a\x00b",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
    "\u202e\u0000",
    str(2**31),
    str(2**63),
    str(-(2**63) - 1),
    str(10**40),
    "9" * 5_000,
    "-1",
    "0",
    "+7",
    "1_000",
    "٣",
    "1e9999",
    "-1e-9999",
    "NaN",
    "Infinity",
    "0x10",
    "1.5",
    "true",
    "null",
    "[]",
    "{}",
    "[" * 5_000,
    '{"a":' * 3_000,
    "x" * 300,
    "x" * 60_000,
    "é" * 256,
    "\U0001f3b2" * 100,
    "＝1+1",  # noqa: RUF001
    "=cmd|' /C calc'!A0",
    "' OR '1'='1",
    "<script>",
    "../../etc/passwd",
    "//evil.example",
    "http://[bad",
    "2026-02-31",
    "99999-01-01",
    "0000-00-00",
    "user:99999999999999999999",
    "user:1",
    "cs_test_" + "a" * 70,
    "pm_1",
    "a@b",
    "x" * 64 + "@rando.test",
    "a@" + "b" * 250 + ".test",
    "\r\nX-Injected: 1",
    "starter",
    "small",
    "1",
    "10",
]

HOSTS = [
    "",
    ":1",
    "a" * 64 + ".example",
    "[",
    "[::1",
    "localhost:x",
    "localhost:99999",
    "é",
    "evil.example",
    "a..b",
]

HEADERS = (
    "Accept",
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Cookie",
    "Idempotency-Key",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "Stripe-Signature",
    "User-Agent",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-HTTP-Method-Override",
)

#: These end a session, an account or what it holds: their sender begins anew.
ENDING = re.compile(r"^/(logout|sessions|close-account|change|tf-setup|passkeys|reset|confirm|admin/block)")

#: The longest that an answer may take, in seconds, on a machine that does other things as well.
WITHIN_S = 20.0


class HttpsClient(FlaskClient):
    """A browser at the shop's address in production, behind its proxy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environ_base["HTTP_REFERER"] = f"{BASE_URL}/"

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"base_url": BASE_URL, **kwargs})


class ProductionShop(RunningShop):
    """The shop as production sets it up."""

    def __init__(self, data: Path, **settings: str) -> None:
        super().__init__(data, **PRODUCTION, **settings)
        self.app.test_client_class = HttpsClient

    def customer(self, email: str = "pat@rando.test", *, credits: int = 3) -> Visitor:
        """Somebody who has confirmed their address and signed in."""
        limiter.reset()
        visitor = super().customer(email, credits=credits)
        with self.app.app_context():
            user = db.session.scalars(select(User).where(User.email == email)).one()
            user.confirmed_at = self.prepaid.clock()
            db.session.commit()
        visitor.login(email)
        return visitor


@dataclass
class Outcome:
    """What came of many requests: statuses, and each fault with the request that made it."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


class Sender:
    """Sends malformed requests to one shop."""

    def __init__(self, shop: RunningShop, seed: int) -> None:
        self.shop = shop
        self.random = Random(seed)
        self.outcome = Outcome()
        self.rules = [rule for rule in shop.app.url_map.iter_rules() if "static" not in rule.endpoint]
        self.names = fields_of_templates()
        self.people = 0
        self.actors: dict[str, FlaskClient] = {}
        self.tokens: dict[str, str] = {}
        self.errors: list[str] = []
        got_request_exception.connect(self.note, shop.app)
        for kind in ("stranger", "customer", "operator"):
            self.begin(kind)

    def note(self, app: Flask, exception: BaseException, **extra: Any) -> None:
        """Keep what went wrong, and where."""
        trace = exception.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        self.errors.append(f"{type(exception).__name__}: {str(exception)[:200]} at {place}")

    def begin(self, kind: str) -> None:
        """A browser of this kind of person, signed in anew."""
        self.people += 1
        name = f"{kind}{self.people}@rando.test"
        if kind == "stranger":
            visitor: Visitor = self.shop.visitor()
        elif kind == "customer":
            visitor = self.shop.customer(name, credits=50)
        else:
            visitor = self.shop.operator("admin", name)
        page = visitor.get("/usage" if kind != "stranger" else "/login").text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None, page[:500]
        self.actors[kind], self.tokens[kind] = visitor.client, token[1]

    def send(self, requests: int, *, within_s: float = math.inf) -> Outcome:
        """Send so many, or as many as there is time for."""
        until_s = time.monotonic() + within_s
        for number in range(requests):
            if time.monotonic() > until_s:
                break
            if limiter.enabled and not number % LIMITED_FOR:
                limiter.reset()
            kind = self.random.choice(list(self.actors))
            rule = self.random.choice(self.rules)
            request = self.request(kind, rule)
            self.errors.clear()
            began_s = time.monotonic()
            answer = self.answer(kind, request)
            took_s = time.monotonic() - began_s
            self.outcome.slowest_s = max(self.outcome.slowest_s, took_s)
            self.outcome.statuses[answer.status_code] += 1
            if answer.status_code == 500 or took_s > WITHIN_S:
                shown = {name: repr(value)[:200] for name, value in request.items()}
                self.outcome.faults.append(
                    f"{answer.status_code} in {took_s:.1f} s, {kind}: {shown} {self.errors}"
                )
            if ENDING.match(rule.rule) and request["method"] == "POST" and kind != "stranger":
                self.begin(kind)
        return self.outcome

    def answer(self, kind: str, request: dict[str, Any]) -> TestResponse:
        return self.actors[kind].open(**request, buffered=True)

    def request(self, kind: str, rule: Rule) -> dict[str, Any]:
        """One request for a rule: something of it is always wrong."""
        method = self.random.choice(sorted((rule.methods or {"GET"}) - {"OPTIONS"}))
        if self.random.random() < 0.02:
            method = self.random.choice(["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
        headers: dict[str, str] = {"Sec-Fetch-Site": "same-origin", "X-CSRFToken": self.tokens[kind]}
        for name in HEADERS:
            if self.random.random() < 0.04:
                headers[name] = header_text(self.text())
        if self.random.random() < 0.03:
            headers["Host"] = header_text(self.random.choice(HOSTS))
        request: dict[str, Any] = {"method": method, "path": self.path(rule), "headers": headers}
        if self.random.random() < 0.5:
            request["query_string"] = urlencode(self.fields())
        if method == "POST":
            data, content_type = self.body(kind, rule)
            request["data"] = data
            headers.setdefault("Content-Type", content_type)
            if rule.endpoint == "prepaid.webhook" and self.random.random() < 0.8:
                with self.shop.app.app_context():
                    events = self.shop.prepaid.gateway.events
                    headers["Stripe-Signature"] = events.sign(data.decode("utf-8", "replace"))
        return request

    def path(self, rule: Rule) -> str:
        def part(placeholder: re.Match[str]) -> str:
            if self.random.random() < 0.3:
                return "1"
            return quote(as_bytes(self.text())[:2_000] or b"x", safe="")

        return re.sub(r"<[^>]+>", part, rule.rule)

    def body(self, kind: str, rule: Rule) -> tuple[bytes, str]:
        chance = self.random.random()
        if rule.endpoint == "prepaid.webhook" and chance < 0.8:
            return json.dumps(self.event()).encode(), "application/json"
        if chance < 0.65:
            fields = {**self.fields(), "csrf_token": self.tokens[kind]}
            return urlencode(fields).encode(), "application/x-www-form-urlencoded"
        if chance < 0.9:
            return self.json_text(), "application/json"
        if chance < 0.95:
            return b"a=1&" * self.random.choice([200, 20_000, 80_000]), "application/x-www-form-urlencoded"
        return as_bytes(self.text()), "multipart/form-data; boundary=x"

    def json_text(self) -> bytes:
        if self.random.random() < 0.3:
            return as_bytes(self.text())
        return json.dumps({name: self.json_value() for name in self.some_names()}).encode()

    def json_value(self, depth: int = 0) -> Any:
        kinds: list[Any] = [None, True, 0, -1, 2**63, 10**30, 1.5, 1e308, "", "1", [], {}]
        value = self.random.choice([*kinds, "text"])
        if value == "text":
            text = self.text()
            return text.decode("latin-1") if isinstance(text, bytes) else text
        if depth < 4 and value in ([], {}):
            inner = self.json_value(depth + 1)
            return [inner] if value == [] else {"id": inner, "object": inner}
        return value

    def event(self) -> dict[str, Any]:
        """An event of Stripe's of which some fields are not what Stripe sends."""
        event: dict[str, Any] = {
            "id": f"evt_{self.random.randrange(10**12)}",
            "object": "event",
            "api_version": "2026-01-28.preview",
            "created": int(time.time()),
            "livemode": False,
            "type": self.random.choice([*self.shop.prepaid.heard, "unknown.event"]),
            "data": {"object": {"id": "cs_test_1", "object": "checkout.session", "metadata": {}}},
        }
        for name in self.random.sample(sorted(event), self.random.randrange(1, 4)):
            event[name] = self.json_value()
        if self.random.random() < 0.2:
            event["data"] = {"object": {"id": self.json_value(), "object": self.json_value()}}
        return event

    def fields(self) -> dict[str, bytes]:
        return {name: as_bytes(self.text()) for name in self.some_names()}

    def some_names(self) -> list[str]:
        return self.random.sample(self.names, self.random.randrange(1, 12))

    def text(self) -> str | bytes:
        return self.random.choice(TEXTS)


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def header_text(text: str | bytes) -> str:
    """What a server hands on of a header: no line breaks, no NUL, bytes as latin-1."""
    return re.sub(r"[\r\n\0]", "", as_bytes(text).decode("latin-1"))[:8_000]


def fields_of_templates() -> list[str]:
    """The name of every field that some page has, and of the parameters that the API reads."""
    names = {
        "by",
        "count",
        "cursor",
        "from",
        "id",
        "key",
        "kind",
        "limit",
        "max",
        "min",
        "next",
        "payment",
        "to",
    }
    for package in (flask_prepaid, rando_number):
        for file in (Path(str(package.__file__)).parent / "templates").rglob("*.html"):
            names |= set(re.findall(r'\bname="([a-z_]+)"', file.read_text()))
    return sorted(
        names | {"email", "password", "password_confirm", "new_password", "session_id", "code", "credential"}
    )
