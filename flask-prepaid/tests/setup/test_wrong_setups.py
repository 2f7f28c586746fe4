"""A developer sets it up wrongly, in one of many ways, and is stopped at once by a sentence with the cure.

Each row is one way: what was written, and what the sentence says of it. Nothing is sold.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_prepaid import Operators, Pack, Plan, Prepaid, PriceTier, Quantity
from flask_prepaid.errors import ConfigError

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


async def awaited() -> str:
    return "one"


def yielding() -> Iterator[str]:
    yield "one"


async def awaited_yielding() -> AsyncIterator[str]:
    yield "one"


class Awaited:
    """A function of a host's may be an object, too."""

    async def __call__(self) -> str:
        return "one"


class View(MethodView):
    def get(self) -> str:
        return "a report"


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
    ("TIME_ZONE", "Europe/Berln", "Take a name such as Europe/Berlin"),
    ("TIME_ZONE", 2, "Take a name such as Europe/Berlin"),
    ("BASE_URL", "shop.example", "Write an address such as https://shop.example"),
    ("BASE_URL", "https://shop.example:port", "Write an address"),
    ("STRIPE_API_BASE", "http://127.0.0.1:12111/v1", "with nothing after the host"),
    ("STRIPE_API_BASE", "127.0.0.1:12111", "Write an address"),
    ("STRIPE_JS_URL", "js.stripe.com", "Write an address"),
    ("PATHS", "/credits", "Write a dict of paths by page"),
    ("PATHS", {"buy": "credits"}, "PREPAID_PATHS['buy'] is 'credits'. Write a path such as /credits"),
    ("PATHS", {"cards": "/cards/"}, "with no / at its end"),
    ("PATHS", {"cards": "/prepaid/plan"}, "puts 'cards' and 'plan' at /prepaid/plan"),
    ("PATHS", {"buy": "/static/buy"}, "stand at /static/buy, among the app's static files"),
    ("PATHS", {"buy": "/prepaid/cards/add"}, "as another page of Prepaid does"),
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
        ("250", "small_grant", 250),
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


#: What stands in the module that has the price list, and what is said of it.
PRICES: list[tuple[Callable[[], object], str]] = [
    # types
    (lambda: Pack("a", 1.5, 100), "Pack('a').credits is 1.5. Write a whole number from 1 to 1,000,000,000."),  # type: ignore[arg-type]
    (lambda: Pack("a", "100", 500), "Pack('a').credits is '100'"),  # type: ignore[arg-type]
    (lambda: Pack("a", True, 500), "Pack('a').credits is True"),
    (lambda: Pack("a", 0, 500), "Pack('a').credits is 0"),
    (lambda: Pack("a", 100, 5.0), "It is in the smallest unit: 1234 is $12.34."),  # type: ignore[arg-type]
    (lambda: Pack("a", 100, -500), "Pack('a').amount_minor is -500"),
    (lambda: Pack("a", 100, 500, bonus=-1), "Pack('a').bonus is -1"),
    (lambda: Pack("a", 100, 500, name=""), "Pack('a').name is ''"),
    # units
    (lambda: Pack("a", 100, 5), "Pack('a').amount_minor is 5, $0.05. Stripe charges nothing below $0.50"),
    (lambda: Pack("a", 100, 29, "gbp"), "nothing below £0.30: write 30 or more"),
    (lambda: Pack("a", 100, 100_000_000), "from 0 to 99,999,999"),
    (
        lambda: Pack("a", 100, 1_255, "kwd"),
        "1.255 KWD is finer than Stripe takes: write a multiple of 0.010 KWD",
    ),
    (lambda: Pack("a", 100, 500, expires_after=30), "Write a timedelta from 1 s"),  # type: ignore[arg-type]
    (lambda: Pack("a", 100, 500, expires_after=timedelta(0)), "Pack('a').expires_after"),
    # names
    (lambda: Pack("a", 100, 500, "USD"), "Pack('a').currency is 'USD'. Did you mean usd?"),
    (lambda: Pack("a", 100, 500, "uzd"), "Write a code of three small letters"),
    (lambda: Pack("a", 100, 500, None), "Pack('a').currency is None"),  # type: ignore[arg-type]
    # slugs
    (lambda: Pack("", 100, 500), "Pack('').slug is ''. Write letters"),
    (lambda: Pack("my pack", 100, 500), "Pack('my pack').slug"),
    (lambda: Pack(7, 100, 500), "Pack(7).slug is 7"),  # type: ignore[arg-type]
    (lambda: Pack("a" * 65, 100, 500), "at most 64"),
    (lambda: Prepaid(packs=[Pack("a", 1, 500), Pack("a", 2, 900)]), "Two packs have the slug 'a'"),
    (lambda: Prepaid(plans=[Plan("a", 1, 500), Plan("a", 2, 900)]), "Two plans have the slug 'a'"),
    # plans
    (lambda: Plan("p", 100, 500, interval="monthly"), "Plan('p').interval is 'monthly'. Did you mean month?"),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, interval_count=0), "Plan('p').interval_count is 0"),
    (lambda: Plan("p", 100, 500, interval="year", interval_count=4), "from 1 to 3"),
    (lambda: Plan("p", 100, 49), "$0.49. Stripe charges nothing below $0.50"),
    (lambda: Plan("p", 100, 0), "Plan('p').amount_minor is 0"),
    (lambda: Plan("p", 100, 500, trial_days="7"), "Plan('p').trial_days is '7'"),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, trial_days=731), "from 0 to 730"),
    (lambda: Plan("p", 100, 500, trial_credits=5), "Give the plan trial_days, too."),
    (lambda: Plan("p", 100, 500, trial_needs_card="no"), "Write True or False."),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, roll_over=-1), "Plan('p').roll_over is -1"),
    (lambda: Plan("p", 100, 500, max_quantity=0), "Plan('p').max_quantity is 0"),
    (lambda: Plan("p", 100, 90_000_000, max_quantity=2), "from 1 to 49,999,999"),
    # quantities
    (lambda: Quantity(()), "Let them rise by from_credits"),
    (lambda: Quantity(PriceTier(1, 100)), "Write a tuple of tiers"),  # type: ignore[arg-type]
    (lambda: Quantity(((1, 100),)), "Write a tuple of tiers"),  # type: ignore[arg-type]
    (lambda: Quantity((PriceTier(5, 100),)), "the first cover min_credits"),
    (lambda: Quantity((PriceTier(1, 100), PriceTier(1, 90))), "Let them rise"),
    (lambda: Quantity((PriceTier(1, 100),), min_credits=9, max_credits=8), "Quantity.min_credits is 9"),
    (lambda: Quantity((PriceTier(1, 100),), currency="dollar"), "Quantity.currency is 'dollar'"),
    (
        lambda: Quantity((PriceTier(1, 10), PriceTier(100, 8))),
        "1 credit would cost $0.10, and Stripe charges nothing below $0.50. Write min_credits=5.",
    ),
    (lambda: Quantity((PriceTier(1, 1),), max_credits=20), "Let more be bought, or at a higher price."),
    (lambda: Quantity((PriceTier(1, 10**6),)), "Stripe charges at most $999,999.99. Write fewer."),
    (lambda: PriceTier(0, 100), "PriceTier(0, 100).from_credits is 0"),
    (lambda: PriceTier(1, 0.5), "PriceTier(1, 0.5).unit_minor is 0.5"),  # type: ignore[arg-type]
    # what is handed to Prepaid
    (lambda: Prepaid(packs=Pack("a", 1, 500)), "Write a list: packs=[Pack(...)]"),  # type: ignore[arg-type]
    (lambda: Prepaid(packs=[Plan("p", 1, 500)]), "Write Pack(...) there"),  # type: ignore[list-item]
    (lambda: Prepaid(packs=["starter"]), "One of packs is 'starter'"),  # type: ignore[list-item]
    (lambda: Prepaid(quantity=100), "quantity is 100"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner="user:1"), "Prepaid(owner=...) is 'user:1'. Give it a function."),  # type: ignore[arg-type]
    (lambda: Prepaid(clock=0), "Prepaid(clock=...) is 0"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=awaited), "Give it a function, not an async one"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=Awaited()), "Give it a function, not an async one"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=yielding), "that returns, not one that yields"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=lambda r: r), "It is called without arguments, and takes (r)"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid(email=lambda: None), "It is called with owner, and takes ()"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid(mail=lambda to: 1, email=str), "with address and subject and text, and takes (to)"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid(trial=True), "Prepaid(trial=...) is True"),  # type: ignore[arg-type]
    (lambda: Operators(current=awaited), "Operators(current=...) is <function awaited"),  # type: ignore[arg-type]
    (lambda: Operators(current=lambda: None, blocked=len, find=3), "Operators(find=...) is 3"),  # type: ignore[arg-type]
    (lambda: Operators(current=lambda: None, block=print), "give it Operators(blocked=...), too"),
    (lambda: Prepaid(operators=["pat"]), "Write Operators(current=...) there"),  # type: ignore[arg-type]
    (lambda: Prepaid(mail=print), "needs addresses to write to: give it Prepaid(email=...), too"),
    (lambda: Prepaid(Flask("host")), "Prepaid needs a database: Prepaid(app, db)"),
    (lambda: Prepaid(Quart(), object()), "Prepaid works in a Flask app, not in"),  # type: ignore[arg-type]
    # prices of views
    (lambda: Prepaid().costs(0), "Prepaid.costs(credits) is 0. Write a whole number from 1"),
    (lambda: Prepaid().costs("3"), "Prepaid.costs(credits) is '3'"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1.5), "Prepaid.costs(credits) is 1.5"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1, key="report"), "Prepaid.costs(key=...) is 'report'. Give it a function."),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1, key=awaited), "Give it a function, not an async one"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1, key=lambda r: r), "called without arguments, and takes (r)"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid().costs(awaited), "Prepaid.costs(credits) is <function awaited"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(yielding), "not one that yields"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(lambda request: 1), "called without arguments"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid().costs(1)(yielding), "It yields, and would run when its request is over"),
    (lambda: Prepaid().costs(1)(awaited_yielding), "It yields"),
    (lambda: Prepaid().costs(1)(View), "It is a class: put it right above its get or post"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1)("report"), "Put it right above a view's def."),  # type: ignore[arg-type]
    (lambda: Flask("host").get("/")(Prepaid().costs(lambda: 1)), "@prepaid.costs has no price"),  # type: ignore[type-var]
]


class Quart:
    """An app of another framework."""


@pytest.mark.parametrize(("write", "sentence"), PRICES)
def test_a_wrong_price_list_is_refused_where_it_is_written(
    write: Callable[[], object], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        write()

    assert sentence in refused.value.message


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


def test_there_are_many_ways_to_be_wrong() -> None:
    assert len(SETTINGS) + len(PRICES) + len(DATABASES) > 100
    assert Operators(current=lambda: None)
