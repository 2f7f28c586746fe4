"""What the fast path answers is what Flask answers, to the byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from werkzeug.test import Client, TestResponse

from flask_prepaid import PrepaidError
from rando_number.api.fast_path import in_front_of
from rando_number.extensions import db

from ..reading import forms
from ..running_shop import FROM_LOCALHOST, RunningShop, Visitor
from ..serving import client_of


class Way(NamedTuple):
    """One way into a shop of its own, and a customer there with a key."""

    shop: RunningShop
    client: Client
    customer: Visitor
    key: str
    opened: int

    def actions(self) -> list[str]:
        """The actions in the audit log since the way was opened."""
        return self.shop.actions()[self.opened :]

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", **more.pop("headers", {})}
        return self.client.open(
            f"/api/v1{path}", method=method, headers=headers, environ_base=FROM_LOCALHOST, **more
        )


class BothWays(NamedTuple):
    fast_path: Way
    flask: Way

    def answer_alike(self, method: str, path: str, **more: Any) -> int:
        """Send the same both ways; the status that both answer. All but chance must be equal."""
        first, second = (comparable(way.ask(method, path, **dict(more))) for way in self)
        assert first[0] == second[0]
        assert sorted(first[1].items()) == sorted(second[1].items())
        assert first[2] == second[2]
        return first[0]


#: What differs from call to call.
BY_CHANCE = {"X-Request-Id": "16 hexadecimal digits", "Ratelimit-Reset": "seconds", "Retry-After": "seconds"}

SECONDS = re.compile(rb"(?<=Try again in )\d+|(?<=\"retry_after\":)\d+")
NONCE = re.compile(r"nonce-[\w-]+")


def comparable(answer: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, without what differs from call to call."""
    sent = [(name.title(), value) for name, value in answer.headers]
    headers = {name: BY_CHANCE.get(name, NONCE.sub("nonce", value)) for name, value in sent}
    assert len(headers) == len(sent), "a header came twice"
    return answer.status_code, headers, SECONDS.sub(b"some", answer.data)


def open_way(data: Path, *others: str, **settings: str) -> Way:
    data.mkdir()
    shop = RunningShop(data, **settings)
    for email in others:
        shop.customer(email)
    customer = shop.customer(credits=50)
    client = shop.app.test_client(use_cookies=False)
    return Way(shop, client, customer, customer.make_key(), len(shop.actions()))


def open_both_ways(folder: Path, **settings: str) -> BothWays:
    """Two shops. Limits are counted by process and customer, so the two customers get different ids."""
    flask = open_way(folder / "flask", "somebody@rando.test", **settings)
    return BothWays(through_fast_path(open_way(folder / "fast_path", **settings)), flask)


def through_fast_path(way: Way) -> Way:
    """The same shop, asked through the fast path and an event loop of its own, as a server does."""
    return served_by(in_front_of(way.shop.app), way)


def served_by(fast_path: Any, way: Way) -> Way:
    return way._replace(client=client_of(fast_path))


@pytest.fixture(params=["1", "0"], ids=["with limits", "without"])
def both_ways(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[BothWays]:
    both_ways = open_both_ways(tmp_path, RATELIMIT_ENABLED=request.param)
    yield both_ways
    for way in both_ways:
        assert way.shop.audit() == []
    assert both_ways.fast_path.actions() == both_ways.flask.actions()


ONE = "/number/?min=4&max=4"


def test_both_ways_sell_the_same(both_ways: BothWays) -> None:
    assert both_ways.answer_alike("GET", ONE) == 200
    assert both_ways.answer_alike("GET", "/number/?min=4&min=9&max=4") == 422
    assert both_ways.answer_alike("GET", "/number/?min=4&max=4&other=%ff") == 422
    assert both_ways.answer_alike("GET", "/number/?min=-9007199254740991&max=-9007199254740991") == 200
    assert both_ways.answer_alike("POST", "/numbers", json={"count": 3, "min": 1, "max": 1}) == 200
    assert (
        both_ways.answer_alike("POST", "/numbers", data=b'{"min": 0, "max": 0}', content_type="text/plain")
        == 200
    )
    for way in both_ways:
        assert way.ask("GET", ONE, headers={"Authorization": f"bearer  {way.key} "}).status_code == 200


def test_both_ways_refuse_a_key_that_opens_nothing(both_ways: BothWays) -> None:
    for key in ("", " ", "rn_", "rn_" + "x" * 43, "\xff", "a b", "x" * 10_000):
        assert both_ways.answer_alike("GET", ONE, key=key) == 401
    for words in ("", "Bearer", "Basic eDp5", "Bearer\t" + both_ways.fast_path.key):
        assert both_ways.answer_alike("GET", ONE, headers={"Authorization": words}) == 401


def test_both_ways_refuse_a_revoked_key(both_ways: BothWays) -> None:
    assert both_ways.answer_alike("GET", ONE) == 200
    for way in both_ways:
        page = way.customer.get("/api-keys").text
        revoke = next(path for path in forms(page) if path.endswith("/revoke"))
        way.customer.send(revoke, form_of="/api-keys")

    assert both_ways.answer_alike("GET", ONE) == 401


def test_both_ways_refuse_a_customer_with_too_few_credits(both_ways: BothWays) -> None:
    assert both_ways.answer_alike("POST", "/numbers", json={"count": 51}) == 402
    assert both_ways.answer_alike("POST", "/numbers", json={"count": 50, "min": 2, "max": 2}) == 200
    assert both_ways.answer_alike("GET", ONE) == 402


def test_both_ways_refuse_bad_parameters_and_bodies_alike(both_ways: BothWays) -> None:
    for query in ("min=x", "min=1&max=0", "max=1e3", "min=", "min=" + "9" * 5_000, "max=%D9%A3"):
        assert both_ways.answer_alike("GET", f"/number/?{query}") == 422, query[:20]
    for body, status in (
        (b'{"count": 0}', 422),
        (b'{"count": 10001}', 422),
        (b'{"count": true}', 422),
        (b'{"min": 1.5}', 422),
        (b"[]", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 60_000, 400),
        (b" " * 300_000, 413),
    ):
        assert both_ways.answer_alike("POST", "/numbers", data=body) == status, body[:20]


def test_both_ways_repeat_the_first_answer_to_an_idempotency_key(both_ways: BothWays) -> None:
    for _ in range(3):
        assert both_ways.answer_alike("GET", ONE, headers={"Idempotency-Key": "a"}) == 200
        assert (
            both_ways.answer_alike("POST", "/numbers", json={"max": 0}, headers={"Idempotency-Key": "b"})
            == 200
        )
    assert both_ways.answer_alike("GET", "/number/", headers={"Idempotency-Key": "a"}) == 409
    assert both_ways.answer_alike("GET", ONE, headers={"Idempotency-Key": "\xe9"}) == 400
    assert both_ways.answer_alike("GET", ONE, headers={"Idempotency-Key": ""}) == 400
    assert both_ways.answer_alike("GET", "/balance") == 200


def test_both_ways_answer_other_methods_and_paths_alike(both_ways: BothWays) -> None:
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "POST", "BREW"):
        both_ways.answer_alike(method, ONE)
    for path in ("/number", "/numbers/", "/numbers?limit=0", "/balance", "/number//", "/nothing"):
        both_ways.answer_alike("GET", path)


def test_both_ways_refuse_other_hosts(both_ways: BothWays) -> None:
    assert both_ways.answer_alike("GET", ONE, headers={"Host": "evil.test"}) == 400
    assert both_ways.answer_alike("GET", ONE, headers={"Host": "localhost"}) == 200


def test_an_event_of_400_kb_is_taken_and_a_form_of_that_size_is_not(tmp_path: Path) -> None:
    shop = RunningShop(tmp_path)
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": None,
        "created": 1_760_000_000,
        "livemode": False,
        "type": "unknown.event",
        "data": {"object": {"id": "x", "padding": "x" * 400_000}},
    }
    body = json.dumps(event)
    with shop.app.app_context():
        signed = {"Stripe-Signature": shop.prepaid.gateway.events.sign(body)}

    assert shop.programs.post("/prepaid/webhook", data=body, headers=signed).status_code == 200
    assert shop.programs.post("/prepaid/webhook", data="x" * 1_100_000, headers=signed).status_code == 413
    form = "application/x-www-form-urlencoded"
    assert shop.programs.post("/login", data="a=" + "x" * 400_000, content_type=form).status_code == 413


def test_both_ways_answer_503_without_the_database(both_ways: BothWays) -> None:
    for way in both_ways:
        with way.shop.app.app_context():
            db.engine.dispose()
        for file in way.shop.data.glob("rando.sqlite3*"):
            file.rename(file.with_suffix(".away" + file.suffix))

    assert both_ways.answer_alike("GET", ONE) == 503
    for way in both_ways:
        with way.shop.app.app_context():
            db.engine.dispose()
        for file in way.shop.data.glob("rando.sqlite3*"):
            file.unlink()
        for file in way.shop.data.glob("rando.away*"):
            file.rename(file.with_name(file.name.replace(".away", "")))


class NoAnswer(PrepaidError):
    """The database did not answer: the spend may be committed."""

    http_status = 503


class SpendsWithoutAnswer:
    """Spends that are committed, and whose callers don't hear of it."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger

    async def spend_now(self, owner: str, **terms: Any) -> None:
        await self.ledger.spend_now(owner, **terms)
        raise NoAnswer("The database did not answer.")


def test_what_may_have_been_spent_is_not_tried_again(tmp_path: Path) -> None:
    way = open_way(tmp_path / "fast_path", RATELIMIT_ENABLED="1")
    fast_path: Any = in_front_of(way.shop.app)
    fast_path.ledger = SpendsWithoutAnswer(fast_path.ledger)

    lost = served_by(fast_path, way).ask("GET", ONE)

    assert lost.status_code == 503
    assert int(lost.headers["RateLimit-Limit"]) - int(lost.headers["RateLimit-Remaining"]) == 1
    balance = way.ask("GET", "/balance").json
    assert balance is not None
    assert balance["balance"] == 49
    assert way.shop.audit() == []


def test_both_ways_refuse_calls_beyond_the_limit(tmp_path: Path) -> None:
    both_ways = open_both_ways(tmp_path, RATELIMIT_ENABLED="1", RANDO_API_RATE="3")

    statuses = [both_ways.answer_alike("GET", ONE) for _ in range(5)]

    assert statuses == [200, 200, 200, 429, 429]
    assert both_ways.fast_path.actions() == both_ways.flask.actions() == ["rate_limited", "rate_limited"]


def test_both_ways_refuse_guesses_beyond_the_limit(tmp_path: Path) -> None:
    both_ways = open_both_ways(tmp_path, RATELIMIT_ENABLED="1")

    statuses = [both_ways.answer_alike("GET", ONE, key="rn_guess") for _ in range(62)]

    assert statuses == [401] * 60 + [429] * 2
