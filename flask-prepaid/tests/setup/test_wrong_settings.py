"""A setting is not what it should be, or does nothing: the app does not start, and a sentence has the cure.

Each row is one way: what was written, and what the sentence says of it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_prepaid import Operators, Plan
from flask_prepaid import config as settings
from flask_prepaid.errors import ConfigError
from flask_prepaid.languages import words

from .host import app_with, start

#: The setting without ``PREPAID_``, what stands there, and what is said of it.
SETTINGS: list[tuple[str, Any, str]] = [
    # names
    ("SELING", False, "Did you mean PREPAID_SELLING?"),
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
    ("BASE_URL", "me:hush@shop.example", "PREPAID_BASE_URL names a user, or a password. Leave them"),
    ("BASE_URL", "https:/me:hush@shop.example", "PREPAID_BASE_URL names a user, or a password. Leave them"),
    ("BASE_URL", "shop.example/@team", "Write an address"),
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
    ("STANDBY", "postgresql://me:p@ss:hush@host/db", "PREPAID_STANDBY is no URL of a database"),
    ("MARKS", "postgresql://me:p@ss:hush@host/db", "cannot be kept there (its port is no number"),
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
    assert "hush" not in refused.value.message
    assert "prepaid" not in app.extensions or name in ("BASE_TEMPLATE", "PATHS")


def test_no_setting_takes_a_thing_of_no_kind(tmp_path: Path) -> None:
    for name in settings.names():
        app = app_with(tmp_path, **{f"PREPAID_{name}": object()})
        with pytest.raises(ConfigError, match=f"PREPAID_{name}"):
            settings.read(app)


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
