"""The shop and Stripe in one process, and people who visit it by plain HTTP."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, cached_property
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from a2wsgi import ASGIMiddleware
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from werkzeug.test import Client, TestResponse

from flask_prepaid import Prepaid
from rando_number import create_app
from rando_number.api.fast_path import Lane
from rando_number.cli import upgrade
from rando_number.models import AuditLine, Base, User, db
from stripe_emulator import Emulator

PASSWORD = "correct horse battery"
#: An empty database with all tables, once there is one.
MIGRATED: list[bytes] = []

Result = TypeVar("Result")

OURS = {"Sec-Fetch-Site": "same-origin"}


class Shop:
    """The app on an empty database, with an emulator of its own."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.stripe = Emulator()
        migrated = "DATABASE_URL" in settings or begin_database(data / "rando.sqlite3")
        self.app = create_app(
            {"RANDO_DATA": str(data), "RATELIMIT_ENABLED": "0", **settings},
            clock=lambda: datetime.fromtimestamp(self.stripe.now(), UTC),
            http_client=self.stripe.http_client(),
        )
        if not migrated:
            self.migrate()
        self.stripe.connect(self.app, "/prepaid/webhook")

    def migrate(self) -> None:
        with self.app.app_context():
            upgrade()
            db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            db.engine.dispose()
        MIGRATED.append((self.data / "rando.sqlite3").read_bytes())

    @property
    def prepaid(self) -> Prepaid:
        extension: Prepaid = self.app.extensions["prepaid"]
        return extension

    def visitor(self, **environ: str) -> Visitor:
        """Somebody with a browser of their own, not signed in."""
        return Visitor(self, environ)

    def customer(self, email: str = "pat@rando.test", *, credits: int = 3) -> Visitor:
        """Somebody who has registered and has so many credits."""
        visitor = self.visitor()
        visitor.register(email)
        with self.app.app_context():
            if credits > 3:
                self.prepaid.grant(visitor.owner, credits - 3, key="test", reason="for a test")
            elif credits < 3:
                self.prepaid.adjust(visitor.owner, credits - 3, key="test", reason="for a test")
            db.session.commit()
        return visitor

    def balance(self, owner: str) -> int:
        with self.app.app_context():
            return self.prepaid.balance(owner)

    def audit(self) -> list[Any]:
        """What is off in the books."""
        with self.app.app_context():
            return list(self.prepaid.audit())

    def deeds(self) -> list[str]:
        """What the audit log tells of, in order."""
        with self.app.app_context():
            return list(db.session.scalars(select(AuditLine.deed).order_by(AuditLine.id)))

    def rows(self) -> dict[str, int]:
        """How many rows each table has, the extension's too."""
        with self.app.app_context():
            tables = {**Base.metadata.tables, **self.prepaid_tables()}
            return {
                name: db.session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in tables.items()
                if name != "audit_lines"
            }

    @cached_property
    def programs(self) -> Client:
        """Programs reach the shop as it is deployed: through the lane, in an event loop."""
        return client_of(Lane(self.app))

    def prepaid_tables(self) -> dict[str, Any]:
        from prepaid_ledger.database import Base as Extension

        return dict(Extension.metadata.tables)

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """What happens inside adds no row to any table but the audit log."""
        before = self.rows()
        yield
        assert self.rows() == before

    def user_id(self, email: str) -> int:
        with self.app.app_context():
            found = db.session.scalar(select(User.id).where(User.email == email))
            assert found is not None, email
            return found


def begin_database(file: Path) -> bool:
    """Give a new shop a copy of the first one's empty database; whether it has its tables now."""
    if not file.exists() and MIGRATED:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(MIGRATED[0])
    return file.exists()


def client_of(asgi: Any) -> Client:
    """A client without cookies. One event loop serves all of them."""
    through_a_loop: Any = ASGIMiddleware(asgi, loop=event_loop())
    return Client(through_a_loop, TestResponse, use_cookies=False)


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def at_once(calls: int, call: Callable[[int], Result]) -> list[Result]:
    """What came of each call, all begun at one signal, each in a thread of its own."""
    together = threading.Barrier(calls)

    def begin(number: int) -> Result:
        together.wait()
        return call(number)

    with ThreadPoolExecutor(calls) as threads:
        return list(threads.map(begin, range(calls)))


class Visitor:
    """A browser without JavaScript: cookies, links and forms."""

    def __init__(self, shop: Shop, environ: dict[str, str]) -> None:
        self.shop = shop
        self.email = ""
        self.programs = count(1)
        self.client: FlaskClient = shop.app.test_client()
        self.client.environ_base.update(environ)

    @property
    def owner(self) -> str:
        return f"user:{self.shop.user_id(self.email)}"

    @property
    def balance(self) -> int:
        return self.shop.balance(self.owner)

    def another_tab(self) -> FlaskClient:
        """The same browser once more, for another thread."""
        cookie = self.client.get_cookie("session")
        assert cookie is not None
        client: FlaskClient = self.shop.app.test_client(use_cookies=False)
        client.environ_base["HTTP_COOKIE"] = f"session={cookie.value}"
        return client

    def get(self, path: str, **query: str) -> TestResponse:
        return self.client.get(path, query_string=query, buffered=True)

    def send(self, action: str, *, form_of: str | None = None, **fields: str) -> TestResponse:
        """Fill in the form of a page that leads to ``action``, and send it with its hidden fields."""
        page = self.get(form_of or action)
        assert page.status_code == 200, (form_of or action, page.status_code)
        hidden = forms(page.text).get(action)
        assert hidden is not None, f"{form_of or action} has no form for {action}"
        return self.client.post(action, data={**hidden, **fields})

    def register(self, email: str, password: str = PASSWORD) -> TestResponse:
        self.email = email
        return self.send("/register", email=email, password=password, password_confirm=password)

    def login(self, email: str, password: str = PASSWORD) -> TestResponse:
        self.email = email
        return self.send("/login", email=email, password=password)

    def draw(self) -> TestResponse:
        """Press "Get Your Number" on the home page."""
        return self.send("/number", form_of="/")

    def buy(self, **choice: str) -> str:
        """Press a buy button; the id of the Checkout Session whose page opened."""
        sent = self.send("/buy-credits", **choice)
        assert sent.status_code == 303, sent.text
        assert urlsplit(sent.location).path.startswith("/c/pay") or "cs_test_" in sent.location
        found = re.search(r"cs_test_\w+", sent.location)
        assert found is not None, sent.location
        return found[0]

    def come_back(self, session_id: str) -> TestResponse:
        return self.get("/buy-credits/return", session_id=session_id)

    def api(self, path: str, **headers: str) -> TestResponse:
        """What our own page's script asks with the browser's session."""
        return self.client.get(f"/api/v1{path}", headers={**OURS, **headers})

    def make_key(self, name: str | None = None, **fields: str) -> str:
        """A new API key, copied from the page that shows it once."""
        shown = self.send("/api-keys", name=name or f"program {next(self.programs)}", **fields)
        found = re.search(r"rn_[\w-]{20,}", shown.text)
        assert found is not None, shown.text
        return found[0]


def told(answer: TestResponse) -> dict[str, Any]:
    """The JSON object that came back."""
    found = answer.json
    assert isinstance(found, dict), answer.text
    return found


FROM_HERE = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000"}


class Program:
    """A program with an API key, and no cookies."""

    def __init__(self, shop: Shop, key: str) -> None:
        self.client = shop.programs
        self.headers = {"Authorization": f"Bearer {key}"}

    def ask(self, method: str, path: str, *, headers: dict[str, str], **more: Any) -> TestResponse:
        headers = {**self.headers, **headers}
        return self.client.open(
            f"/api/v1{path}", method=method, headers=headers, environ_base=FROM_HERE, **more
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, json: Any, **headers: str) -> TestResponse:
        return self.ask("POST", path, headers=headers, json=json)


def forms(page: str) -> dict[str, dict[str, str]]:
    """The forms of a page by the path that they lead to, each with its hidden fields."""
    reader = FormReader()
    reader.feed(page)
    return reader.found


class FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields = self.found.setdefault(urlsplit(named.get("action", "")).path, {})
        if tag == "input" and named.get("type") == "hidden":
            self.fields[named["name"]] = named.get("value", "")


def figure(page: str) -> str:
    """What the number card shows."""
    found = re.search(r'id="number"[^>]*>\s*([^<\s]*)', page)
    assert found is not None, page
    return found[1]
