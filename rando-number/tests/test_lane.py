"""What the lane answers is what Flask answers, to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from werkzeug.test import Client, TestResponse

from prepaid_ledger import Spent
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.errors import Busy
from rando_number.api.fast_path import Lane
from rando_number.models import db

from .shop import FROM_HERE, Shop, Visitor, client_of, forms


class Road(NamedTuple):
    """One way into a shop of its own, and a customer there with a key."""

    shop: Shop
    client: Client
    customer: Visitor
    key: str
    opened: int

    def deeds(self) -> list[str]:
        """What the audit log tells of since the road is open."""
        return self.shop.deeds()[self.opened :]

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", **more.pop("headers", {})}
        return self.client.open(
            f"/api/v1{path}", method=method, headers=headers, environ_base=FROM_HERE, **more
        )


class Roads(NamedTuple):
    lane: Road
    flask: Road

    def agree(self, method: str, path: str, **more: Any) -> int:
        """Send the same both ways; the status that both answer. All but chance must be equal."""
        first, second = (told(road.ask(method, path, **dict(more))) for road in self)
        assert first[0] == second[0]
        assert sorted(first[1].items()) == sorted(second[1].items())
        assert first[2] == second[2]
        return first[0]


#: What differs from call to call.
BY_CHANCE = {"X-Request-Id": "16 hexadecimal digits", "Ratelimit-Reset": "seconds", "Retry-After": "seconds"}

SECONDS = re.compile(rb"(?<=Try again in )\d+|(?<=\"retry_after\":)\d+")
NONCE = re.compile(r"nonce-[\w-]+")


def told(answer: TestResponse) -> tuple[int, dict[str, str], bytes]:
    sent = [(name.title(), value) for name, value in answer.headers]
    headers = {name: BY_CHANCE.get(name, NONCE.sub("nonce", value)) for name, value in sent}
    assert len(headers) == len(sent), "a header came twice"
    return answer.status_code, headers, SECONDS.sub(b"some", answer.data)


def open_road(data: Path, *strangers: str, **settings: str) -> Road:
    data.mkdir()
    shop = Shop(data, **settings)
    for email in strangers:
        shop.customer(email)
    customer = shop.customer(credits=50)
    client = shop.app.test_client(use_cookies=False)
    return Road(shop, client, customer, customer.make_key(), len(shop.deeds()))


def open_roads(folder: Path, **settings: str) -> Roads:
    """Limits are counted per process, by customer: the two must not be the same to them."""
    flask = open_road(folder / "flask", "somebody@rando.test", **settings)
    return Roads(in_the_lane(open_road(folder / "lane", **settings)), flask)


def in_the_lane(road: Road) -> Road:
    """The same shop, asked through the lane: through an event loop of its own, as a server does."""
    return served_by(Lane(road.shop.app), road)


def served_by(lane: Any, road: Road) -> Road:
    return road._replace(client=client_of(lane))


@pytest.fixture(params=["1", "0"], ids=["with limits", "without"])
def roads(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Roads]:
    roads = open_roads(tmp_path, RATELIMIT_ENABLED=request.param)
    yield roads
    for road in roads:
        assert road.shop.audit() == []
    assert roads.lane.deeds() == roads.flask.deeds()


ONE = "/number/?min=4&max=4"


def test_what_is_sold(roads: Roads) -> None:
    assert roads.agree("GET", ONE) == 200
    assert roads.agree("GET", "/number/?min=4&min=9&max=4&other=%ff") == 200
    assert roads.agree("GET", "/number/?min=-9007199254740991&max=-9007199254740991") == 200
    assert roads.agree("POST", "/numbers", json={"count": 3, "min": 1, "max": 1}) == 200
    assert roads.agree("POST", "/numbers", data=b'{"min": 0, "max": 0}', content_type="text/plain") == 200
    for road in roads:
        assert road.ask("GET", ONE, headers={"Authorization": f"bearer  {road.key} "}).status_code == 200


def test_keys(roads: Roads) -> None:
    for key in ("", " ", "rn_", "rn_" + "x" * 43, "\xff", "a b", "x" * 10_000):
        assert roads.agree("GET", ONE, key=key) == 401
    for words in ("", "Bearer", "Basic eDp5", "Bearer\t" + roads.lane.key):
        assert roads.agree("GET", ONE, headers={"Authorization": words}) == 401


def test_a_revoked_key(roads: Roads) -> None:
    assert roads.agree("GET", ONE) == 200
    for road in roads:
        page = road.customer.get("/api-keys").text
        revoke = next(path for path in forms(page) if path.endswith("/revoke"))
        road.customer.send(revoke, form_of="/api-keys")

    assert roads.agree("GET", ONE) == 401


def test_the_poor(roads: Roads) -> None:
    assert roads.agree("POST", "/numbers", json={"count": 51}) == 402
    assert roads.agree("POST", "/numbers", json={"count": 50, "min": 2, "max": 2}) == 200
    assert roads.agree("GET", ONE) == 402


@pytest.mark.parametrize(
    "query",
    ["min=x", "min=1&max=0", "max=1e3", "min=", "min=" + "9" * 5_000, "max=%D9%A3"],
    ids=lambda q: q[:8],
)
def test_bad_parameters_in_a_query(roads: Roads, query: str) -> None:
    assert roads.agree("GET", f"/number/?{query}") == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"count": 0}', 422),
        (b'{"count": 10001}', 422),
        (b'{"count": true}', 422),
        (b'{"min": 1.5}', 422),
        (b"[]", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 60_000, 400),
        (b" " * 300_000, 413),
    ],
    ids=lambda value: value[:8] if isinstance(value, bytes) else str(value),
)
def test_bad_bodies(roads: Roads, body: bytes, status: int) -> None:
    assert roads.agree("POST", "/numbers", data=body) == status


def test_idempotency_keys(roads: Roads) -> None:
    for _ in range(3):
        assert roads.agree("GET", ONE, headers={"Idempotency-Key": "a"}) == 200
        assert roads.agree("POST", "/numbers", json={"max": 0}, headers={"Idempotency-Key": "b"}) == 200
    assert roads.agree("GET", "/number/", headers={"Idempotency-Key": "a"}) == 409
    assert roads.agree("GET", ONE, headers={"Idempotency-Key": "\xe9"}) == 400
    assert roads.agree("GET", ONE, headers={"Idempotency-Key": ""}) == 400
    assert roads.agree("GET", "/balance") == 200


def test_odd_methods_and_neighbouring_paths(roads: Roads) -> None:
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "POST", "BREW"):
        roads.agree(method, ONE)
    for path in ("/number", "/numbers/", "/numbers?limit=0", "/balance", "/number//", "/nothing"):
        roads.agree("GET", path)


def test_hosts_that_are_not_ours(roads: Roads) -> None:
    for road in roads:
        road.shop.app.config["TRUSTED_HOSTS"] = ["shop.test"]
    roads = Roads(in_the_lane(roads.lane), roads.flask)

    assert roads.agree("GET", ONE, headers={"Host": "evil.test"}) == 400
    assert roads.agree("GET", ONE, headers={"Host": "shop.test"}) == 200


def test_a_database_that_is_gone(roads: Roads) -> None:
    for road in roads:
        with road.shop.app.app_context():
            db.engine.dispose()
        for file in road.shop.data.glob("rando.sqlite3*"):
            file.rename(file.with_suffix(".away" + file.suffix))

    assert roads.agree("GET", ONE) == 503
    for road in roads:
        with road.shop.app.app_context():
            db.engine.dispose()
        for file in road.shop.data.glob("rando.sqlite3*"):
            file.unlink()
        for file in road.shop.data.glob("rando.away*"):
            file.rename(file.with_name(file.name.replace(".away", "")))


class AnswersAreLost:
    """Spends that are committed, and whose callers don't hear of it."""

    def __init__(self, ledger: AsyncLedger) -> None:
        self.ledger = ledger

    async def spend_now(self, owner: str, **terms: Any) -> Spent:
        await self.ledger.spend_now(owner, **terms)
        raise Busy("The database did not answer.")


def test_what_may_have_been_spent_is_not_tried_again(tmp_path: Path) -> None:
    road = open_road(tmp_path / "lane", RATELIMIT_ENABLED="1")
    lane: Any = Lane(road.shop.app)
    lane.ledger = AnswersAreLost(lane.ledger)

    lost = served_by(lane, road).ask("GET", ONE)

    assert lost.status_code == 503
    assert int(lost.headers["RateLimit-Limit"]) - int(lost.headers["RateLimit-Remaining"]) == 1
    balance = road.ask("GET", "/balance").json
    assert balance is not None
    assert balance["balance"] == 49
    assert road.shop.audit() == []


def test_calls_beyond_the_limit(tmp_path: Path) -> None:
    roads = open_roads(tmp_path, RATELIMIT_ENABLED="1", RANDO_API_RATE="3")

    statuses = [roads.agree("GET", ONE) for _ in range(5)]

    assert statuses == [200, 200, 200, 429, 429]
    assert roads.lane.deeds() == roads.flask.deeds() == ["rate_limited", "rate_limited"]


def test_guesses_beyond_the_limit(tmp_path: Path) -> None:
    roads = open_roads(tmp_path, RATELIMIT_ENABLED="1")

    statuses = [roads.agree("GET", ONE, key="rn_guess") for _ in range(32)]

    assert statuses == [401] * 30 + [429] * 2
