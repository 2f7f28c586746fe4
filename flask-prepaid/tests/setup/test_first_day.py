"""A developer's first day: whose wallet it is, tests of a module's ``prepaid``, and what is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_prepaid import Pack, Prepaid
from flask_prepaid.errors import ConfigError
from flask_prepaid.testing import Databases
from stripe_emulator import Emulator


def app_on(url: Any, **settings: Any) -> tuple[Flask, SQLAlchemy]:
    app = Flask("host")
    app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=url, **settings)
    return app, SQLAlchemy(app)


@pytest.fixture
def signed_in(databases: Databases) -> Iterator[Any]:
    """Signs in a user of a model, and says whose wallet that is."""
    opened: list[tuple[Flask, SQLAlchemy]] = []

    def owner_of(*, get_id: Any = None, security: bool = True) -> str | None:
        app, db = app_on(databases.fresh("sqlite"))
        opened.append((app, db))
        LoginManager(app).user_loader(lambda id: None)
        prepaid = Prepaid(app, db)
        base: Any = db.Model

        class User(UserMixin, base):  # type: ignore[misc]
            id: Mapped[int] = mapped_column(primary_key=True)
            if security:
                fs_uniquifier: Mapped[str] = mapped_column(default="before")

        if get_id is not None:
            User.get_id = get_id
        with app.test_request_context():
            db.create_all()
            db.session.add(user := User(id=7))
            db.session.commit()
            login_user(user)
            return prepaid.current_owner()

    yield owner_of
    for app, db in opened:
        with app.app_context():
            db.engine.dispose()


def test_a_wallet_is_its_users_by_the_primary_key(signed_in: Any) -> None:
    assert signed_in() == "user:7"


def test_a_wallet_outlives_a_new_password(signed_in: Any) -> None:
    """Flask-Security gives an id that changes with the password."""
    assert signed_in(get_id=lambda user: user.fs_uniquifier) == "user:7"


def test_an_id_that_is_not_the_key_asks_who_the_customer_is(signed_in: Any) -> None:
    def get_id(user: Any) -> str:
        return f"session-{user.id}"

    with pytest.raises(ConfigError, match=r"may change: a wallet under it would be lost\. Say who"):
        signed_in(get_id=get_id, security=False)


def test_without_flask_login_the_host_says_who_its_customers_are(databases: Databases) -> None:
    app, db = app_on(databases.fresh("sqlite"))
    prepaid = Prepaid(app, db)

    with app.test_request_context(), pytest.raises(ConfigError, match="Set up Flask-Login, or give Prepaid"):
        prepaid.current_owner()
    with app.app_context():
        db.engine.dispose()


def test_an_owner_is_a_text(databases: Databases) -> None:
    app, db = app_on(databases.fresh("sqlite"))
    prepaid = Prepaid(app, db, owner=lambda: 42)  # type: ignore[arg-type, return-value]

    with (
        app.test_request_context(),
        pytest.raises(ConfigError, match="Give a text such as 'user:42', or None"),
    ):
        prepaid.current_owner()
    with app.app_context():
        db.engine.dispose()


def test_a_prepaid_of_a_module_is_tested_on_the_emulator(databases: Databases) -> None:
    module = Prepaid(packs=[Pack("starter", credits=100, amount_minor=500)], owner=lambda: "user:1")
    with closing(Emulator()) as stripe:
        app, db = app_on(databases.fresh("sqlite"))
        module.init_app(
            app,
            db,
            clock=lambda: datetime.fromtimestamp(stripe.now(), UTC),
            http_client=stripe.http_client(),
        )
        stripe.connect(app, "/prepaid/webhook")
        stripe.advance(days=400)

        with app.app_context():
            url = module.checkout(
                "user:1", pack="starter", success_url="http://a.test", cancel_url="http://a.test"
            )
            stripe.pay(url.partition("/pay/")[2].partition("?")[0])
            assert module.balance("user:1") == 100
            assert module.entries("user:1")[0].at.timestamp() == pytest.approx(stripe.now(), abs=60)
            db.engine.dispose()


def test_the_apps_own_runner_knows_the_commands(databases: Databases) -> None:
    app, db = app_on(databases.fresh("sqlite"))
    Prepaid(app, db)

    result = app.test_cli_runner().invoke(args=["prepaid", "audit"])

    assert (result.exit_code, result.stderr) == (0, "Every balance is the sum of its entries.\n")
    with app.app_context():
        db.engine.dispose()


@pytest.mark.each_database
@pytest.mark.parametrize("command", ["audit", "tick", "show user:1", "report credits", "reconcile"])
def test_a_command_without_tables_says_how_to_make_them(
    databases: Databases, kind: str, command: str
) -> None:
    app, db = app_on(databases.empty(kind))
    with closing(Emulator()) as stripe:
        Prepaid(app, db, owner=lambda: "user:1", http_client=stripe.http_client())

        result = app.test_cli_runner().invoke(args=["prepaid", *command.split()])

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "Run: flask prepaid upgrade" in result.stderr
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("debug", [False, True])
def test_a_page_without_tables_says_it_in_debug_and_is_logged(
    databases: Databases, debug: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app, db = app_on(databases.empty("sqlite"), DEBUG=debug)
    prepaid = Prepaid(app, db, owner=lambda: "user:1")

    @app.get("/report")
    @prepaid.costs(3)
    def report() -> str:
        raise AssertionError("nobody paid")

    page = app.test_client().get("/prepaid/buy", headers={"Accept": "text/html"})
    program = app.test_client().get("/report")

    assert (page.status_code, program.status_code) == (503, 503)
    assert ("Run: flask prepaid upgrade" in page.text) is debug
    assert program.json is not None
    assert program.json["error"]["code"] == "unavailable"
    assert "Run: flask prepaid upgrade" in caplog.text
    with app.app_context():
        db.engine.dispose()


def test_an_emulator_that_is_not_started_is_named_in_debug_mode(
    databases: Databases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, db = app_on(databases.fresh("sqlite"), DEBUG=True, PREPAID_STRIPE_API_BASE="http://127.0.0.1:9")
    Prepaid(app, db, packs=[Pack("starter", credits=100, amount_minor=500)], owner=lambda: "user:1")
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["prepaid_csrf"] = "x"

    answer = browser.post("/prepaid/buy", data={"pack": "starter", "csrf_token": "x"})
    command = app.test_cli_runner().invoke(args=["prepaid", "connect"])

    start = "start it: flask --debug prepaid listen --emulator"
    assert answer.status_code == 503
    assert "http://127.0.0.1:9" in answer.text
    assert start in answer.text
    assert start in command.stderr
    with app.app_context():
        db.engine.dispose()


def test_a_form_without_its_token_is_refused_in_json_and_on_a_page(databases: Databases) -> None:
    app, db = app_on(databases.fresh("sqlite"))
    Prepaid(app, db, owner=lambda: "user:1")

    program = app.test_client().post("/prepaid/buy", data={"pack": "starter"})
    person = app.test_client().post("/prepaid/buy", headers={"Accept": "text/html"})

    assert (program.status_code, person.status_code) == (400, 400)
    assert program.json is not None
    assert program.json["error"]["code"] == "form_expired"
    assert "This form has lost its session" in person.text
    with app.app_context():
        db.engine.dispose()
