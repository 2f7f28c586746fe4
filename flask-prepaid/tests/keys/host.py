"""A Flask app whose customers have API keys, and which sells throws of a die by the call."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from a2wsgi import ASGIMiddleware
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, Column, DateTime, Integer, String, func, insert, select
from werkzeug.test import Client, TestResponse

from flask_prepaid import ApiKey, Caller, FastPath, Keys, Pack, Prepaid, PrepaidError, Sale
from flask_prepaid.languages.units import CREDIT
from prepaid_ledger import Unit
from prepaid_ledger.clock import Clock, wall

OWNER = "user:1"

FROM_LOCALHOST = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000"}


def report() -> str:
    return "a report"


class NoDie(PrepaidError):
    """There is no die with so many sides."""

    http_status = 422
    code = "invalid_parameter"


class Host:
    """One app, in whose context the test runs. A header says who is signed in."""

    def __init__(
        self,
        database: URL | str,
        keys: bool | Keys = True,
        unit: Unit = CREDIT,
        clock: Clock = wall,
        **settings: Any,
    ) -> None:
        self.blocked: set[str] = set()
        self.app = Flask("dice")
        self.app.config.update(TESTING=True, SECRET_KEY="of the tests", SQLALCHEMY_DATABASE_URI=database)
        self.app.config.update(settings)
        self.db = SQLAlchemy(self.app)
        self.prepaid = Prepaid(
            self.app,
            self.db,
            packs=[Pack("some", credits=100, amount_minor=500)],
            owner=lambda: request.headers.get("X-Owner"),
            keys=keys,
            unit=unit,
            clock=clock,
        )
        self.context = self.app.app_context()
        self.context.push()
        self.roll = self.make_table()
        self.sale = self.make_sale()
        self.app.add_url_rule("/roll", view_func=self.view)
        self.app.add_url_rule("/report", view_func=self.prepaid.costs(3)(report))

    def make_table(self) -> Any:
        class Roll(self.db.Model):  # type: ignore[name-defined,misc]
            owner = Column(String(64), primary_key=True)
            id = Column(String(17), primary_key=True)
            value = Column(Integer, nullable=False)
            at = Column(DateTime(timezone=True), nullable=False)

        self.db.create_all()
        return Roll

    def make_sale(self) -> Sale[int]:
        def row(caller: Caller, sides: int) -> dict[str, Any]:
            return {"owner": caller.owner, "value": sides}

        def answer(row: Mapping[str, Any], balance: int) -> dict[str, Any]:
            return {"value": row["value"], "id": row["id"], "balance": balance}

        def sides(fields: Mapping[str, str]) -> int:
            text = fields.get("sides", "6")
            if text not in ("6", "12"):
                raise NoDie("A die has 6 or 12 sides.")
            return int(text)

        return Sale(
            insert(self.roll),
            row=row,
            answer=answer,
            read=sides,
            credits=lambda sides: sides // 6,
            name="roll",
            at="at",
        )

    def view(self) -> ResponseReturnValue:
        return jsonify(self.prepaid.sell(self.sale).answer)

    def close(self) -> None:
        self.db.session.remove()
        self.db.engine.dispose()
        self.context.pop()

    def grant(self, credits: int, key: str = "gift") -> None:
        self.prepaid.grant(OWNER, credits, key=key, reason="a gift")
        self.db.session.commit()

    def make_key(self, name: str = "a program", owner: str = OWNER) -> Program:
        made = self.prepaid.make_key(owner, name=name)
        self.db.session.commit()
        return Program(self, made.secret, made.id)

    def rolls(self) -> int:
        return self.db.session.scalar(select(func.count()).select_from(self.roll)) or 0

    def key(self, name: str) -> ApiKey:
        self.db.session.rollback()
        return next(key for key in self.prepaid.keys(OWNER) if key.name == name)

    def browser(self) -> Browser:
        return Browser(self)


class Program:
    """A program with an API key: through Flask, or through the fast path and an event loop."""

    def __init__(self, host: Host, secret: str, key_id: int = 0) -> None:
        self.host = host
        self.secret = secret
        self.key_id = key_id
        self.flask = host.app.test_client(use_cookies=False)

    @property
    def spender(self) -> str:
        return f"key:{self.key_id}"

    def get(self, path: str = "/roll", **headers: str) -> TestResponse:
        return self.flask.get(path, headers={"Authorization": f"Bearer {self.secret}", **headers})

    def fast(self, path: str = "/roll", **headers: str) -> TestResponse:
        given = {"Authorization": f"Bearer {self.secret}", **headers}
        return fast_path(self.host).get(path, headers=given, environ_base=FROM_LOCALHOST)

    def sold_at_once(self, calls: int) -> int:
        """How many of so many calls through the fast path are sold."""
        with ThreadPoolExecutor(8) as threads:
            return sum(
                answer.status_code == 200 for answer in threads.map(lambda _: self.fast(), range(calls))
            )


class Browser:
    """A customer who is signed in, with forms and no JavaScript."""

    def __init__(self, host: Host, owner: str = OWNER) -> None:
        self.client = host.app.test_client()
        self.headers = {"X-Owner": owner, "Accept": "text/html"}

    def get(self, path: str = "/prepaid/keys") -> TestResponse:
        return self.client.get(path, headers=self.headers)

    def send(self, path: str = "/prepaid/keys", *, form_of: str | None = None, **fields: str) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(form_of or path).text)
        assert token is not None
        return self.client.post(path, data={"csrf_token": token[1], **fields}, headers=self.headers)


@cache
def fast_path(host: Host) -> Client:
    return client_of(FastPath(host.app, {"/roll": host.sale}))


class Reader(Client):
    """Reads each answer to its end: one that is left half-way keeps its task waiting in the event loop."""

    def open(self, *request: Any, buffered: bool = True, **more: Any) -> TestResponse:
        return super().open(*request, buffered=buffered, **more)


def client_of(asgi: Any) -> Client:
    through_a_loop: Any = ASGIMiddleware(asgi, loop=event_loop())
    return Reader(through_a_loop, TestResponse, use_cookies=False)


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
