"""A developer sets it up wrongly, in one of many ways, and is stopped at once by a sentence with the cure.

Each row is one way: what was written, and what the sentence says of it. Nothing is sold.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Blueprint, Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_prepaid import Operators, Plan, Prepaid
from flask_prepaid import config as settings
from flask_prepaid.errors import ConfigError
from flask_prepaid.languages import words

TEST_KEYS = {
    "PREPAID_STRIPE_SECRET_KEY": "sk_test_shop",
    "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_test_shop",
    "PREPAID_STRIPE_WEBHOOK_SECRET": "whsec_shop",
}
LIVE_KEYS = {
    "PREPAID_STRIPE_SECRET_KEY": "sk_live_shop",
    "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_live_shop",
    "PREPAID_STRIPE_WEBHOOK_SECRET": "whsec_shop",
}


def app_with(tmp_path: Path, **settings: Any) -> Flask:
    """An app with its database, in whose settings something may be wrong."""
    app = Flask("host", root_path=str(tmp_path))
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/db.sqlite3", **TEST_KEYS)
    app.config.update(settings)
    return app


def start(app: Flask, **arguments: Any) -> None:
    db = SQLAlchemy(app)
    try:
        Prepaid(app, db, **arguments)
    finally:
        with app.app_context():
            db.engine.dispose()


#: The setting without ``PREPAID_``, what stands there, and what is said of it.
SETTINGS: list[tuple[str, Any, str]] = [
    # keys
    ("STRIPE_SECRET_KEY", "pk_test_shop", "it is a publishable key, pk_test_..."),
    ("STRIPE_SECRET_KEY", "sk_test_...", "was copied in part"),
    ("STRIPE_SECRET_KEY", "my key", "PREPAID_STRIPE_SECRET_KEY does not begin with sk_ or rk_"),
    ("STRIPE_SECRET_KEY", 17, "PREPAID_STRIPE_SECRET_KEY does not begin with sk_ or rk_"),
    ("STRIPE_SECRET_KEY", "", "PREPAID_STRIPE_SECRET_KEY is not set"),
    ("STRIPE_PUBLISHABLE_KEY", "sk_test_shop", "it is a secret key, sk_test_..."),
    ("STRIPE_PUBLISHABLE_KEY", "rk_test_shop", "it is a restricted key"),
    ("STRIPE_PUBLISHABLE_KEY", "whsec_shop", "it is the secret of a webhook"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_shop", "are not of one mode: one is live, one for tests"),
    ("STRIPE_WEBHOOK_SECRET", "sk_test_shop", "PREPAID_STRIPE_WEBHOOK_SECRET does not begin with whsec_"),
    ("STRIPE_WEBHOOK_SECRET", "secret", "PREPAID_STRIPE_WEBHOOK_SECRET does not begin with whsec_. `flask "),
    ("STRIPE_WEBHOOK_SECRET", "whsec_good, we_1Nk", "it is the id of a webhook"),
    ("STRIPE_WEBHOOK_SECRET", ",", "holds only commas"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_a b", "has a blank"),
    ("STRIPE_WEBHOOK_SECRET", 5, "is no text"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_a,whsec_b,whsec_c", "holds 3 secrets. Write the one that counts"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_test_emulator", "is the emulator's key, and the other one is not"),
    ("STRIPE_SECRET_KEY", "sk_test_emulator", "is the emulator's key, and the other one is not"),
    # names
    ("SELING", False, "Did you mean PREPAID_SELLING?"),
    ("STRIPE_KEY", "sk_test_shop", "There is no setting PREPAID_STRIPE_KEY"),
    ("COLOUR", "red", "There is no setting PREPAID_COLOUR. Take it away."),
    ("PATHS", {"bye": "/x"}, "no page 'bye'. Did you mean buy?"),
    # types and units
    ("SELLING", "perhaps", "PREPAID_SELLING is 'perhaps'. Write True or False"),
    ("SELLING", 2, "Write True or False"),
    (
        "HOLD_EXPIRES_AFTER",
        "1h",
        "Write a timedelta from 1 s to 366 days; in the environment, a number of sec",
    ),
    ("HOLD_EXPIRES_AFTER", timedelta(0), "from 1 s"),
    ("HOLD_EXPIRES_AFTER", True, "Write a timedelta"),
    ("STRIPE_TIMEOUT", 10_000, "PREPAID_STRIPE_TIMEOUT is 10000. Write a timedelta from 1 s to 80 s"),
    ("CHECK_AFTER", -5, "Write a timedelta"),
    ("ALLOWANCE_GRACE", [], "Write a timedelta"),
    ("BALANCE_LOW", "many", "Write a whole number from 0"),
    ("BALANCE_LOW", 2.5, "Write a whole number from 0"),
    ("SMALL_GRANT", -1, "Write a whole number from 0"),
    ("ATTEMPTS_PER_HOUR", True, "Write a whole number from 0"),
    ("LANGUAGES", "en,klingonisch", "There is no language 'klingonisch'"),
    ("LANGUAGES", 7, "Write codes such as en,de"),
    ("LANGUAGES", "en,fr", "there are no words of it. Translate them into fr/LC_MESSAGES/flask_prepaid.po"),
    ("TRANSLATIONS", "/no/such/folder", "There is no folder '/no/such/folder'"),
    ("TRANSLATIONS", 3, "Write the path of a folder"),
    ("TIME_ZONE", "Europe/Berln", "Take a name such as Europe/Berlin"),
    ("TIME_ZONE", 2, "Take a name such as Europe/Berlin"),
    ("BASE_URL", "shop.example", "Write an address such as https://shop.example"),
    ("BASE_URL", "https://shop.example:port", "Write an address"),
    ("BASE_URL", "https://me:hush@shop.example", "PREPAID_BASE_URL names a user, or a password. Leave them"),
    ("STRIPE_API_BASE", "http://127.0.0.1:12111/v1", "with nothing after the host"),
    ("STRIPE_API_BASE", "127.0.0.1:12111", "Write an address"),
    ("STRIPE_JS_URL", "js.stripe.com", "Write an address"),
    ("PATHS", "/credits", "Write a dict of paths by page"),
    ("PATHS", {"buy": "credits"}, "PREPAID_PATHS['buy'] is 'credits'. Write a path such as /credits"),
    ("PATHS", {"cards": "/cards/"}, "with no / at its end"),
    ("PATHS", {"cards": "/prepaid/plan"}, "puts 'cards' and 'plan' at /prepaid/plan"),
    ("PATHS", {"buy": "/static/buy"}, "stand at /static/buy, among the app's static files"),
    ("PATHS", {"buy": "/prepaid/cards/add"}, "as another page of Prepaid does"),
    ("CURRENCY", "euro", "PREPAID_CURRENCY is 'euro'"),
    ("CURRENCY", "zzz", "PREPAID_CURRENCY is 'zzz'"),
    ("INVOICES", "maybe", "Write True or False"),
    ("AUTOMATIC_TAX", 19, "Write True or False"),
    ("REFUND_FRAUD_WARNINGS", "all", "Write True or False"),
    ("GRANTS_PER_DAY", -1, "Write a whole number from 0"),
    ("CODE_GUESSES_PER_HOUR", "ten", "Write a whole number from 0"),
    ("MARKS", 7, "PREPAID_MARKS is 7"),
    ("MARKS", "/no/such/folder/marks", "PREPAID_MARKS: Marks cannot be kept there: there is no folder /no"),
    ("MARKS", "/tmp", "PREPAID_MARKS: Marks cannot be kept in the folder /tmp. Name a file in it."),
    ("MARKS", "sqlite://", "PREPAID_MARKS: Marks that are kept in memory are gone at once. Name a file."),
    ("MARKS", "postgres://host/db", "Name a file in a folder that is there, or write postgresql+psycopg://"),
    ("PROOFS", 7, "PREPAID_PROOFS is 7"),
    (
        "PROOFS",
        "mysql://me:secret@host/db",
        "PREPAID_PROOFS: Proofs are kept in a file, or on PostgreSQL, not on",
    ),
    ("STANDBY", "my standby", "PREPAID_STANDBY is no URL of a database"),
    (
        "STANDBY",
        "postgresql://me:secret@host/db",
        "the app's database is sqlite. PostgreSQL alone has standbys",
    ),
    ("PATHS", {"endpoints": "hooks"}, "Write a path such as /credits"),
    # templates
    (
        "BASE_TEMPLATE",
        "layuot.html",
        "PREPAID_BASE_TEMPLATE is 'layuot.html', and this app has no such template",
    ),
    ("BASE_TEMPLATE", 7, "Write a text"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), SETTINGS)
def test_a_wrong_setting_stops_the_app_at_start(
    tmp_path: Path, name: str, value: object, sentence: str
) -> None:
    app = app_with(tmp_path, **{f"PREPAID_{name}": value})

    with pytest.raises(ConfigError) as refused:
        start(app)

    assert sentence in refused.value.message
    assert "prepaid" not in app.extensions or name in ("BASE_TEMPLATE", "PATHS")
    assert "KEY" not in name or not value or str(value) not in refused.value.message.split()


def test_no_setting_takes_a_thing_of_no_kind(tmp_path: Path) -> None:
    for name in settings.names():
        app = app_with(tmp_path, **{f"PREPAID_{name}": object()})
        with pytest.raises(ConfigError, match=f"PREPAID_{name}"):
            settings.read(app)


#: What is given to ``Prepaid`` or set, and what is said of it: it does nothing without something else.
WITHOUT_EFFECT: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"language": lambda owner: "de"}, {}, "Name what is offered in PREPAID_LANGUAGES, such as 'en,de'"),
    ({"language": lambda owner: "de"}, {"LANGUAGES": "en"}, "and 'en' alone is offered"),
    ({"language": lambda owner: "de"}, {"LANGUAGES": ["de"]}, "and 'de' alone is offered"),
    ({"trial": lambda owner: True}, {}, "no plan can be tried. Give one of them trial_days"),
    (
        {"trial": lambda owner: True, "plans": [Plan("p", 100, 500)]},
        {},
        "no plan can be tried. Give one of them trial_days",
    ),
    ({}, {"SMALL_GRANT": 0}, "PREPAID_SMALL_GRANT is set, and nobody is an operator"),
    ({}, {"GRANTS_PER_DAY": 5}, "PREPAID_GRANTS_PER_DAY is set, and nobody is an operator"),
    (
        {"operators": Operators(current=lambda: None)},
        {"SMALL_GRANT": 500, "GRANTS_PER_DAY": 50},
        "PREPAID_SMALL_GRANT is 500, and no more than PREPAID_GRANTS_PER_DAY, 50, is given on a day",
    ),
    ({}, {"RECEIPTS": False}, "PREPAID_RECEIPTS is set, and nothing is mailed. Write Prepaid(mail=...)"),
    ({}, {"PATHS": {"keys": "/keys"}}, "nothing is served there. Write Prepaid(keys=True)"),
    ({}, {"PATHS": {"api": "/money"}}, "nothing is served there. Write PREPAID_JSON_API = True"),
    ({}, {"TRANSLATIONS": "."}, "there are no words in it of en"),
]


@pytest.mark.parametrize(("arguments", "written", "sentence"), WITHOUT_EFFECT)
def test_what_has_no_effect_is_named_with_what_it_lacks(
    tmp_path: Path, arguments: dict[str, Any], written: dict[str, Any], sentence: str
) -> None:
    app = app_with(tmp_path, **{f"PREPAID_{name}": value for name, value in written.items()})

    with pytest.raises(ConfigError) as refused:
        start(app, **arguments)

    assert sentence in refused.value.message


def test_what_has_an_effect_starts(tmp_path: Path) -> None:
    (tmp_path / "pt_BR/LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "pt_BR/LC_MESSAGES/flask_prepaid.mo").write_bytes(
        (words.SHIPPED / "de/LC_MESSAGES/flask_prepaid.mo").read_bytes()
    )
    app = app_with(
        tmp_path,
        PREPAID_LANGUAGES="pt-BR,en",
        PREPAID_TRANSLATIONS=str(tmp_path),
        PREPAID_BASE_URL="https://shop.example",
        PREPAID_SHOP_NAME="Tea & Co",
        PREPAID_SMALL_GRANT=5,
        PREPAID_JSON_API=True,
        PREPAID_PATHS={"keys": "/keys", "api": "/money"},
    )

    start(
        app,
        language=lambda owner: "pt-BR",
        trial=lambda owner: True,
        plans=[Plan("p", 100, 500, trial_days=7)],
        email=lambda owner: None,
        mail=lambda *mail: None,
        operators=Operators(current=lambda: None),
        keys=True,
    )

    with app.app_context():
        assert app.extensions["prepaid"].config.languages == ("pt-BR", "en")


def test_a_live_key_goes_to_stripe_alone(tmp_path: Path) -> None:
    app = app_with(tmp_path, **LIVE_KEYS, PREPAID_STRIPE_API_BASE="http://127.0.0.1:9")

    with pytest.raises(ConfigError, match=r"sends a live key to http://127\.0\.0\.1:9"):
        start(app)


def test_a_setting_that_stands_in_the_environment_alone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_PREPAID_SELLING", "False")
    with pytest.raises(
        ConfigError, match=r"FLASK_PREPAID_SELLING is not read: call app.config.from_prefixed"
    ):
        start(app_with(tmp_path))

    monkeypatch.delenv("FLASK_PREPAID_SELLING")
    monkeypatch.setenv("PREPAID_SELLING", "False")
    with pytest.raises(ConfigError, match="reads it as FLASK_PREPAID_SELLING"):
        start(app_with(tmp_path))


def test_a_key_without_our_prefix_is_named(tmp_path: Path) -> None:
    app = app_with(tmp_path, PREPAID_STRIPE_SECRET_KEY=None, STRIPE_SECRET_KEY="sk_test_shop")

    with pytest.raises(ConfigError, match="Name it PREPAID_STRIPE_SECRET_KEY"):
        start(app)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("False", "selling", False),
        ("0", "selling", False),
        ("no", "selling", False),
        ("off", "selling", False),
        ("yes", "promotion_codes", True),
        ("60", "hold_expires_after", timedelta(minutes=1)),
        ("2.5", "stripe_timeout", timedelta(seconds=2.5)),
        ("250", "code_guesses_per_hour", 250),
        ("https://shop.example/", "base_url", "https://shop.example"),
        ("Europe/Berlin", "time_zone", "Europe/Berlin"),
        ("whsec_new,whsec_old", "webhook_secrets", ("whsec_new", "whsec_old")),
        ("sk_test_padded ", "stripe_secret_key", "sk_test_padded"),
        ("", "selling", True),
    ],
)
def test_the_environment_is_read_by_the_settings_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str, value: object
) -> None:
    setting = {"webhook_secrets": "STRIPE_WEBHOOK_SECRET"}.get(name, name.upper())
    monkeypatch.setenv(f"FLASK_PREPAID_{setting}", text)
    app = app_with(tmp_path)
    app.config.from_prefixed_env()

    start(app)

    with app.app_context():
        assert getattr(app.extensions["prepaid"].config, name) == value


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


def test_the_emulators_keys_are_not_sent_to_stripe_nor_mixed_with_real_ones(tmp_path: Path) -> None:
    emulated = {
        "PREPAID_STRIPE_SECRET_KEY": "sk_test_emulator",
        "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
    }
    with pytest.raises(ConfigError, match="is the emulator's key, and would be sent to Stripe"):
        start(app_with(tmp_path, **emulated))
    start(app_with(tmp_path, **emulated, PREPAID_STRIPE_API_BASE="http://127.0.0.1:12111"))

    half = app_with(tmp_path, TESTING=True, PREPAID_STRIPE_SECRET_KEY=None)
    with pytest.raises(ConfigError, match="PUBLISHABLE_KEY is set, and PREPAID_STRIPE_SECRET_KEY is not"):
        start(half)


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


def test_a_frame_without_a_place_for_the_pages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/frame.html").write_text("<nav>{% block nav %}{% endblock %}</nav>")

    with pytest.raises(ConfigError, match="no block named content"):
        start(app_with(tmp_path, PREPAID_BASE_TEMPLATE="frame.html"))


def test_a_block_that_no_page_has_is_named(tmp_path: Path) -> None:
    own = tmp_path / "templates/prepaid/buy.html"
    own.parent.mkdir(parents=True)
    page = '{% extends "flask_prepaid/buy.html" %}{% block refund_rul %}Within 30 days.{% endblock %}'
    own.write_text(page)

    with pytest.raises(ConfigError, match=r"fills the block 'refund_rul'.* Did you mean refund_rule"):
        start(app_with(tmp_path))

    for right in (
        page.replace("refund_rul ", "refund_rule "),
        page.replace("refund_rul ", "title "),  # of the frame
        page.replace("refund_rul", "mine") + "{% block refund_rule %}{{ self.mine() }}{% endblock %}",
        page.replace("flask_prepaid/buy.html", "later.html"),
        page.replace('"flask_prepaid/buy.html"', "frame_of_the_customer"),  # another one for each
        page.replace('"flask_prepaid/buy.html"', '"later.html" if g.small else "flask_prepaid/buy.html"'),
        "{% a_tag_of_the_hosts %}",
    ):
        own.write_text(right)
        start(app_with(tmp_path))


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
