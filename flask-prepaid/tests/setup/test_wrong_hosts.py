"""What a host hands over will not do: its database, its routes, its users. The app does not start."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Blueprint
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_prepaid import Prepaid
from flask_prepaid.errors import ConfigError

from .host import app_with, start

#: The database's URL, and what is said of it.
DATABASES = [
    ("sqlite://", "cannot keep money safe"),
    ("sqlite:////no/such/folder/db.sqlite3", "The database does not open: unable to open database file"),
    ("postgres://user@localhost/shop", "postgresql+psycopg://user:password@host/database"),
    ("postgresql+asyncpg2://user@localhost/shop", "names no dialect"),
    ("postgresql+psycopg2://user@localhost/shop", 'pip install "flask-prepaid[postgresql]"'),
]


@pytest.mark.parametrize(("url", "sentence"), DATABASES)
def test_a_database_that_will_not_do_is_refused_at_start(tmp_path: Path, url: str, sentence: str) -> None:
    app = app_with(tmp_path, SQLALCHEMY_DATABASE_URI=url)

    with pytest.raises(ConfigError) as refused:
        Prepaid(app, LazyDatabase(url))

    assert sentence in refused.value.message


class LazyDatabase:
    """Makes its engine when it is first asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = None

    @property
    def engine(self) -> Any:
        from sqlalchemy import create_engine

        return create_engine(self.url)


def test_a_database_that_does_not_know_the_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Call db.init_app\(app\)"):
        Prepaid(app_with(tmp_path), SQLAlchemy())


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Give it Flask-SQLAlchemy's db"):
        Prepaid(app_with(tmp_path), "sqlite:///shop.sqlite3")  # type: ignore[arg-type]


def test_a_second_prepaid_in_one_app_is_refused(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    db = SQLAlchemy(app)
    Prepaid(app, db)

    with pytest.raises(ConfigError, match="This app has a Prepaid already"):
        Prepaid(app, db)
    with app.app_context():
        db.engine.dispose()


def test_a_blueprint_of_the_same_name_is_named(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    app.register_blueprint(Blueprint("prepaid", __name__))

    with pytest.raises(ConfigError, match="a blueprint named 'prepaid'"):
        start(app)


@pytest.mark.parametrize("empty", [None, ""])
def test_without_a_key_for_its_forms_the_app_does_not_start(tmp_path: Path, empty: str | None) -> None:
    with pytest.raises(ConfigError, match=r"SECRET_KEY is not set\. Without it no form"):
        start(app_with(tmp_path, SECRET_KEY=empty))


@pytest.mark.parametrize(
    "clock", [datetime.now, lambda: datetime.now(UTC).replace(tzinfo=None), lambda: 1_700_000_000]
)
def test_a_clock_that_gives_no_time_with_its_zone_is_refused(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(ConfigError, match=r"such as datetime.now\(UTC\)"):
        start(app_with(tmp_path), clock=clock)


def test_without_flask_login_somebody_must_say_who_the_customer_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(ConfigError, match="Who is the customer"):
        start(app_with(tmp_path))
    start(app_with(tmp_path), owner=lambda: "user:1")


def test_a_route_of_the_hosts_where_a_page_of_ours_would_stand_is_named(tmp_path: Path) -> None:
    app = app_with(tmp_path, PREPAID_PATHS={"cards": "/cards"})
    app.add_url_rule("/cards", "my_cards", str)
    app.add_url_rule("/<path:anything>", "the_rest", str)  # gives way by itself

    with pytest.raises(ConfigError, match="would stand at /cards, as the route of 'my_cards' does"):
        start(app)


def test_a_mail_without_an_address_for_its_links_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PREPAID_BASE_URL is not set"):
        start(app_with(tmp_path), mail=lambda *words: None, email=lambda owner: None)


@pytest.mark.parametrize("client", ["http://proxy", requests.Session()])
def test_what_is_no_client_of_stripes_sdk_is_refused(tmp_path: Path, client: object) -> None:
    with pytest.raises(
        ConfigError, match=r"Prepaid\(http_client=\.\.\.\) is .*\. Give it a stripe.HTTPClient"
    ):
        start(app_with(tmp_path), http_client=client)


def test_a_price_above_its_route_is_refused(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    db = SQLAlchemy(app)
    prepaid = Prepaid(app, db)

    with pytest.raises(ConfigError, match="costs stands above its route"):

        @prepaid.costs(3)
        @app.get("/report")
        def report() -> str:
            return ""

    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("key", ["alternative", "composite"])
def test_a_user_whose_id_is_not_the_key_is_refused(tmp_path: Path, key: str) -> None:
    app = app_with(tmp_path)
    db = SQLAlchemy(app)

    class User(db.Model):  # type: ignore[name-defined, misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        realm: Mapped[str] = mapped_column(primary_key=key == "composite")
        is_authenticated = True

        def get_id(self) -> str:
            return str(self.id) if key == "composite" else str(self.alternative_id)

    with pytest.raises(ConfigError, match=r"User.get_id\(\) is not its primary key"):
        Prepaid(app, db)
    Prepaid(app, db, owner=lambda: "user:1")
    with app.app_context():
        db.engine.dispose()


def test_the_flask_command_prints_the_sentence_alone(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from flask import Flask\nfrom flask_prepaid import Pack\napp = Flask('host')\nPack('a', 1.5, 100)\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "flask", "routes"], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == "Error: Pack('a').credits is 1.5. Write a whole number from 1 to 1,000,000,000."
    )
