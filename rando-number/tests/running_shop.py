"""The one world of these tests: the shop and Stripe in one process, visitors and programs by plain HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click.testing import Result
from flask.cli import FlaskGroup
from flask.testing import FlaskClient
from sqlalchemy import func, inspect, select, table, text
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from flask_prepaid import Prepaid
from rando_number import create_app
from rando_number.accounts.setup import users
from rando_number.api.fast_path import in_front_of
from rando_number.extensions import db
from rando_number.migrations.upgrade import upgrade
from rando_number.models import AuditLine, User
from stripe_emulator import Emulator

from .reading import forms
from .serving import client_of

PASSWORD = "correct horse battery"

#: The fields of a form for a new password.
NEW_PASSWORD = {"password": "zq7-zq7-zq7", "password_confirm": "zq7-zq7-zq7"}

#: An empty database with all tables, once there is one.
MIGRATED: list[bytes] = []

#: Tables of what was tried, which grow where everything is refused.
UNCOUNTED = {"audit_lines", "prepaid_code_guess"}

#: What a browser sends with a call of our own page's script.
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class RunningShop:
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
        self.stripe.connect(self.as_served, "/prepaid/webhook")

    def as_served(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The app as Stripe reaches it."""
        return self.app(environ, start_response)

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

    def buyer(self, email: str = "pat@rando.test") -> Visitor:
        """A customer who has bought ten credits."""
        visitor = self.customer(email)
        self.stripe.pay(visitor.buy(pack="starter"))
        return visitor

    def operator(self, role: str, email: str | None = None) -> Visitor:
        """Somebody who is signed in and has a role."""
        visitor = self.customer(email or f"{role}@rando.test")
        with self.app.app_context():
            user = db.session.scalars(select(User).where(User.email == visitor.email)).one()
            users.add_role_to_user(user, users.find_or_create_role(role))
            db.session.commit()
        return visitor

    def mails(self) -> list[str]:
        """The mails that went out, oldest first."""
        files = sorted((self.data / "mails").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_text() for file in files]

    def links(self, path: str) -> list[str]:
        """The links to ``path`` in the mails, oldest first, each once."""
        text = "\n".join(self.mails()).replace("=\n", "").replace("=3D", "=")
        return list(dict.fromkeys(re.findall(rf"http://localhost({path}/[\w.-]+)", text)))

    def reset_link(self, email: str = "pat@rando.test") -> str:
        """Ask for a new password; the link in the mail that came."""
        self.visitor().send("/reset", email=email)
        return self.links("/reset")[-1]

    @contextmanager
    def serving(self) -> Iterator[int]:
        """The shop behind a real socket; its port."""
        server = make_server("127.0.0.1", 0, self.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.port
        server.shutdown()
        thread.join()
        server.server_close()

    def command(self, *words: str) -> Result:
        """``flask`` with these words, as an operator types them."""
        return self.app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: self.app), words)

    def balance(self, owner: str) -> int:
        with self.app.app_context():
            return self.prepaid.balance(owner)

    def audit(self) -> list[Any]:
        """What is off in the books."""
        with self.app.app_context():
            return list(self.prepaid.audit())

    def actions(self) -> list[str]:
        """The actions in the audit log, in order."""
        with self.app.app_context():
            return list(db.session.scalars(select(AuditLine.action).order_by(AuditLine.id)))

    def rows(self) -> dict[str, int]:
        """How many rows each table has but the audit log and guessed codes, the extension's tables too."""
        with self.app.app_context():
            tables = set(inspect(db.engine).get_table_names()) - UNCOUNTED
            return {
                name: db.session.scalar(select(func.count()).select_from(table(name))) or 0 for name in tables
            }

    @cached_property
    def programs(self) -> Client:
        """Programs reach the shop as it is deployed: through the fast path, in an event loop."""
        return client_of(in_front_of(self.app))

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """What happens inside adds no row to any table but those of what was tried."""
        before = self.rows()
        yield
        changed = {name: count for name, count in self.rows().items() if count != before[name]}
        assert not changed, changed

    def user_id(self, email: str) -> int:
        with self.app.app_context():
            user_id = db.session.scalar(select(User.id).where(User.email == email))
            assert user_id is not None, email
            return user_id


def begin_database(file: Path) -> bool:
    """Give a new shop a copy of the first one's empty database; whether it has its tables now."""
    if not file.exists() and MIGRATED:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(MIGRATED[0])
    return file.exists()


class Visitor:
    """A browser without JavaScript: cookies, links and forms."""

    def __init__(self, shop: RunningShop, environ: dict[str, str]) -> None:
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

    def subscribe(self, plan: str = "small", *, trial: str = "") -> None:
        """Choose a plan, give a card on Stripe's page, and come back; ``trial="1"`` begins a free trial."""
        sent = self.send("/subscription", plan=plan, trial=trial)
        session = re.search(r"cs_test_\w+", sent.location)
        assert session, sent.location
        self.shop.stripe.pay(session[0])
        self.get("/subscription", session_id=session[0])

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
        return self.send("/register", email=email, password=password)

    def login(self, email: str, password: str = PASSWORD) -> TestResponse:
        self.email = email
        return self.send("/login", email=email, password=password)

    def confirm(self, password: str | None = None) -> TestResponse:
        """Open the newest link that confirms an address and press its button; signed out, by the password."""
        link = self.shop.links("/confirm")[-1]
        return self.send(link, **({} if password is None else {"password": password}))

    def move_to(self, email: str) -> TestResponse:
        """Change one's address: ask for the link, open it, press its button."""
        self.send("/change-email", email=email)
        moved = self.send(self.shop.links("/change-email")[-1])
        self.email = email
        return moved

    def draw(self) -> TestResponse:
        """Press "Get Your Number" on the home page."""
        return self.send("/number", form_of="/")

    def buy(self, **choice: str) -> str:
        """Press a buy button; the id of the Checkout Session whose page opened."""
        sent = self.send("/buy-credits", **choice)
        assert sent.status_code == 303, sent.text
        assert urlsplit(sent.location).path.startswith("/c/pay") or "cs_test_" in sent.location
        session = re.search(r"cs_test_\w+", sent.location)
        assert session is not None, sent.location
        return session[0]

    def come_back(self, session_id: str) -> TestResponse:
        return self.get("/buy-credits/return", session_id=session_id)

    def api(self, path: str, **headers: str) -> TestResponse:
        """What our own page's script asks with the browser's session."""
        return self.client.get(f"/api/v1{path}", headers={**SAME_ORIGIN, **headers})

    def make_key(self, name: str | None = None, **fields: str) -> str:
        """A new API key, copied from the page that shows it once."""
        shown = self.send("/api-keys", name=name or f"program {next(self.programs)}", **fields)
        key = re.search(r"rn_[\w-]{20,}", shown.text)
        assert key is not None, shown.text
        return key[0]


#: What a server says of a connection from this machine.
FROM_LOCALHOST = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000"}


class Program:
    """A program with an API key, and no cookies."""

    def __init__(self, shop: RunningShop, key: str) -> None:
        self.client = shop.programs
        self.headers = {"Authorization": f"Bearer {key}"}

    def ask(self, method: str, path: str, *, headers: dict[str, str], **more: Any) -> TestResponse:
        headers = {**self.headers, **headers}
        return self.client.open(
            f"/api/v1{path}", method=method, headers=headers, environ_base=FROM_LOCALHOST, **more
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, json: Any, **headers: str) -> TestResponse:
        return self.ask("POST", path, headers=headers, json=json)
