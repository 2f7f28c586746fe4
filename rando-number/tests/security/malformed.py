"""Malformed requests on every route of the shop, as a stranger, a customer and an operator; by a seed.

``./dev campaign malformed`` sends a million of them, ``test_malformed.py`` a sample.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import Headers
from werkzeug.routing import Rule
from werkzeug.test import TestResponse, run_wsgi_app

import flask_prepaid
import rando_number
from rando_number.extensions import db
from rando_number.models import User
from rando_number.rate_limits.rates import limiter

from ..running_shop import SAME_ORIGIN, RunningShop, Visitor
from .real_things import RealThings, forms_of_templates

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

KINDS = ("stranger", "customer", "operator")

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

#: These may end a session, an account or what it holds: their sender begins anew where they did.
ENDING = re.compile(r"^/(logout|sessions|close-account|change|tf-setup|passkeys|reset|confirm|admin/block)")

#: After so many requests it is looked at what is there by now.
LOOKED_AT_FOR = 100

#: After so many requests everybody begins anew: nobody stays blocked, or without a password that is known.
SAME_PEOPLE_FOR = 2_000

#: The longest that an answer may work, in seconds of this process.
WORKS_WITHIN_S = 5.0

#: The longest that an answer may take with all that it waits for, on a machine that does other things too.
WITHIN_S = 120.0


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

    def as_served(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ |= {"HTTP_HOST": "rando.example", "wsgi.url_scheme": "https"}
        return super().as_served(environ, start_response)

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


class Browser:
    """Hands requests to the app as a server does, and keeps its cookies.

    The test client of Flask parses each address four times on the way, which costs more than most answers,
    and sends no cookie beside one that a request names.
    """

    def __init__(self, app: Flask, client: FlaskClient) -> None:
        self.app = app
        name = app.config["SESSION_COOKIE_NAME"]
        session = client.get_cookie(name, domain="rando.example")
        assert session is not None, "a page with a form begins a session"
        self.cookies = {name: session.value}

    def open(
        self, method: str, path: str, headers: dict[str, str], query: str = "", body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body that come of one request."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "rando.example",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "rando.example",
            "HTTP_REFERER": f"{BASE_URL}/",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        cookies = [f"{name}={value}" for name, value in self.cookies.items()]
        for name, text in headers.items():
            variable = name.upper().replace("-", "_")
            environ[variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"] = text
        environ["HTTP_COOKIE"] = "; ".join([*cookies, environ.get("HTTP_COOKIE", "")])
        answer, status, answered = run_wsgi_app(self.app, environ, buffered=True)
        self._keep(answered)
        return int(status.split(" ", 1)[0]), b"".join(answer)

    def _keep(self, headers: Headers) -> None:
        for line in headers.getlist("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value or "Max-Age=0" in line:
                del self.cookies[name]


@dataclass
class Outcome:
    """What came of many requests: statuses, and each fault with the request that made it.

    ``posted`` has the statuses of forms, each with the endpoint that it was sent to.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    posted: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0  # of this process, without what it waited for


class Sender:
    """Sends malformed requests to one shop."""

    def __init__(self, shop: RunningShop, seed: int) -> None:
        self.shop = shop
        self.random = Random(seed)
        self.outcome = Outcome()
        self.rules = [rule for rule in shop.app.url_map.iter_rules() if "static" not in rule.endpoint]
        self.names = fields_of_templates()
        self.real = RealThings(shop, self.random)
        self.people = 0
        self.actors: dict[str, Browser] = {}
        self.tokens: dict[str, str] = {}
        self.errors: list[str] = []
        got_request_exception.connect(self.note, shop.app)

    def note(self, app: Flask, exception: BaseException, **extra: Any) -> None:
        """Keep what went wrong, and where."""
        trace = exception.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        self.errors.append(f"{type(exception).__name__}: {str(exception)[:200]} at {place}")

    def begin(self, kind: str) -> Visitor:
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
        self.actors[kind] = Browser(self.shop.app, visitor.client)
        self.tokens[kind] = token[1]
        return visitor

    def begin_all(self) -> None:
        for kind in KINDS:
            visitor = self.begin(kind)
            if kind == "customer":
                self.real.trade(visitor)

    def is_signed_in(self, kind: str) -> bool:
        status, _ = self.actors[kind].open("GET", "/api/v1/balance", SAME_ORIGIN)
        return status == 200

    def send(self, requests: int, *, within_s: float = math.inf) -> Outcome:
        """Send so many, or as many as there is time for."""
        until_s = time.monotonic() + within_s
        for number in range(requests):
            if time.monotonic() > until_s:
                break
            if limiter.enabled and not number % LIMITED_FOR:
                limiter.reset()
            if not number % SAME_PEOPLE_FOR:
                self.begin_all()
            if not number % LOOKED_AT_FOR:
                self.real.look()
            kind = self.random.choice(KINDS)
            rule = self.random.choice(self.rules)
            request = self.request(kind, rule)
            status = self.ask(kind, request)
            if request["method"] == "POST":
                self.outcome.posted[rule.endpoint, status] += 1
            if ENDING.match(rule.rule) and request["method"] == "POST" and kind != "stranger":
                for other in ("customer", "operator"):
                    if not self.is_signed_in(other):
                        self.begin(other)
        return self.outcome

    def ask(self, kind: str, request: dict[str, Any]) -> int:
        """Send one request, and note what came of it."""
        self.errors.clear()
        began_s, worked_s = time.monotonic(), time.process_time()
        status, _ = self.actors[kind].open(**request)
        took_s, works_s = time.monotonic() - began_s, time.process_time() - worked_s
        self.outcome.slowest_s = max(self.outcome.slowest_s, works_s)
        self.outcome.statuses[status] += 1
        if status == 500 or works_s > WORKS_WITHIN_S or took_s > WITHIN_S:
            shown = {name: repr(value)[:200] for name, value in request.items()}
            self.outcome.faults.append(
                f"{status}, {works_s:.1f} s of {took_s:.1f} s worked, {kind}: {shown} {self.errors}"
            )
        return status

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
            request["query"] = encoded(self.fields())
        if method == "POST":
            data, content_type = self.body(kind, rule)
            request["body"] = data
            headers.setdefault("Content-Type", content_type)
            if rule.endpoint == "prepaid.webhook" and self.random.random() < 0.8:
                with self.shop.app.app_context():
                    events = self.shop.prepaid.gateway.events
                    headers["Stripe-Signature"] = events.sign(data.decode("utf-8", "replace"))
        return request

    def path(self, rule: Rule) -> str:
        def part(placeholder: re.Match[str]) -> str:
            real = self.real.value(placeholder[1])
            if real is not None and self.random.random() < 0.6:
                return quoted(real.encode())
            if self.random.random() < 0.3:
                return "1"
            return quoted(as_bytes(self.text())[:2_000] or b"x")

        return re.sub(r"<(?:[^:>]+:)?(\w+)>", part, rule.rule)

    def body(self, kind: str, rule: Rule) -> tuple[bytes, str]:
        chance = self.random.random()
        if rule.endpoint == "prepaid.webhook" and chance < 0.8:
            return json.dumps(self.event()).encode(), "application/json"
        if chance < 0.65:
            fields = {**self.fields_of(rule), "csrf_token": self.tokens[kind].encode()}
            return encoded(fields).encode(), "application/x-www-form-urlencoded"
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
        if self.real.stripe_ids and self.random.random() < 0.5:
            event["data"]["object"]["id"] = self.random.choice(self.real.stripe_ids)
        for name in self.random.sample(sorted(event), self.random.randrange(0, 4)):
            event[name] = self.json_value()
        if self.random.random() < 0.2:
            event["data"] = {"object": {"id": self.json_value(), "object": self.json_value()}}
        return event

    def fields_of(self, rule: Rule) -> dict[str, bytes]:
        """What a form sends: mostly all of its fields, of which one or two are wrong."""
        names = forms_of_templates().get(rule.endpoint)
        if not names or self.random.random() < 0.3:
            return self.fields()
        wrong = set(self.random.sample(names, min(self.random.choice([0, 1, 1, 1, 2]), len(names))))
        fields = {name: None if name in wrong else self.real.value(name) for name in names}
        return {name: as_bytes(self.text() if text is None else text) for name, text in fields.items()}

    def fields(self) -> dict[str, bytes]:
        return {name: as_bytes(self.text()) for name in self.some_names()}

    def some_names(self) -> list[str]:
        return self.random.sample(self.names, self.random.randrange(1, 12))

    def text(self) -> str | bytes:
        return self.random.choice(TEXTS)


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@cache
def quoted(text: bytes) -> str:
    return quote(text, safe="")


def encoded(fields: dict[str, bytes]) -> str:
    """The fields of a form, or of an address."""
    return "&".join(f"{name}={quoted(text)}" for name, text in fields.items())


@cache
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
