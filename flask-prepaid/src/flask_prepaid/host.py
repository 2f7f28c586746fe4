"""What a host hands to ``Prepaid``: its app, database and functions, each looked at first."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from jinja2 import TemplateNotFound, TemplateSyntaxError
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy import inspect as inspect_model
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from werkzeug.routing import Rule

from prepaid_ledger.clock import Clock

from . import checks
from .catalog import Plan
from .config import Config
from .errors import ConfigError
from .languages.words import has_catalogue, has_words

#: What each function of the host's is called with.
TAKES = {
    "clock": (),
    "owner": (),
    "email": ("owner",),
    "mail": ("address", "subject", "text"),
    "trial": ("owner",),
    "language": ("owner",),
}

#: What a setting goes with, what is so without that, and what to write.
GRANTS = (("operators",), "nobody is an operator", "Prepaid(operators=Operators(...))")
MAILS = (("mail",), "nothing is mailed", "Prepaid(mail=...)")
NEEDED = {"SMALL_GRANT": GRANTS, "GRANTS_PER_DAY": GRANTS, "RECEIPTS": MAILS}

OWNER_CURE = (
    "Say who the customer is by what never changes: Prepaid(owner=lambda: "
    'f"user:{current_user.id}" if current_user.is_authenticated else None).'
)

NO_LOGIN = "Who is the customer? Set up Flask-Login, or give Prepaid(owner=...) a function that says it."

NO_CATALOGUE = "is none, or only a part of one. Write it anew, by pybabel compile."

MOVE = "Give one of them another path; PREPAID_PATHS has those of Prepaid."


@dataclass(frozen=True)
class Given:
    """The arguments of ``Prepaid`` that go with something else; what is false was not given."""

    mail: object
    trial: object
    language: object
    keys: object
    operators: bool


def check_functions(functions: Mapping[str, object]) -> None:
    """
    :raises ConfigError: One of them can't be called as it will be.
    """
    for name, function in functions.items():
        if function is not None:
            also = ("html",) if name == "mail" and takes_html(function) else ()
            checks.function(f"Prepaid({name}=...)", function, *TAKES[name], also=also)


def takes_html(mail: object) -> bool:
    """Whether the host's mailer takes the HTML by name, beside address, subject and text."""
    try:
        inspect.signature(mail).bind(*TAKES["mail"], html="html")  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def check_app(app: Any) -> None:
    """
    :raises ConfigError: It is no Flask app, or it has a Prepaid or its pages already.
    """
    if not isinstance(app, Flask):
        raise ConfigError(
            f"Prepaid works in a Flask app, not in {type(app).__module__}.{type(app).__name__}. In another "
            "framework, count credits by prepaid_ledger.Ledger, and let a Flask app beside it sell them."
        )
    if "prepaid" in app.extensions:
        raise ConfigError(
            "This app has a Prepaid already. An app has one price list and one set of books: give all packs, "
            "plans and the quantity to one Prepaid, or serve two apps, each with its own."
        )
    if "prepaid" in app.blueprints:
        raise ConfigError(
            "This app has a blueprint named 'prepaid', which is the name of Prepaid's own pages. "
            "Give yours another name."
        )


def check_languages(offered: Sequence[str], folders: tuple[Path, ...]) -> None:
    """
    :raises ConfigError: One of them has no catalogue.
    """
    for language in offered:
        with checks.reading_file(f"A catalogue of {language!r} in PREPAID_TRANSLATIONS", NO_CATALOGUE):
            there = has_catalogue(language, folders)
        if not there:
            name = language.replace("-", "_")
            raise ConfigError(
                f"PREPAID_LANGUAGES has {language!r}, and there are no words of it. Translate them into "
                f"{name}/LC_MESSAGES/flask_prepaid.po, compile that by pybabel compile, and name the folder "
                f"above {name} in PREPAID_TRANSLATIONS; or take the language out."
            )


def check_effects(app: Flask, config: Config, given: Given, plans: Iterable[Plan]) -> None:
    """
    :raises ConfigError: Mails have no address for their links, or something that is written has no effect.
    """
    if given.mail and not config.base_url:
        raise ConfigError("PREPAID_BASE_URL is not set. The links in mails need it.")
    for sentence in (
        *_arguments_without_effect(config, given, plans),
        *_settings_without_effect(app.config, config, given),
    ):
        raise ConfigError(sentence)


def _arguments_without_effect(config: Config, given: Given, plans: Iterable[Plan]) -> Iterator[str]:
    if given.language and len(config.languages) == 1:
        yield (
            f"Prepaid(language=...) says which language a customer has chosen, and {config.languages[0]!r} "
            "alone is offered. Name what is offered in PREPAID_LANGUAGES, such as 'en,de', or leave the "
            "function out."
        )
    if given.trial and not any(plan.trial_days for plan in plans):
        yield (
            "Prepaid(trial=...) says who may try a plan free, and no plan can be tried. Give one of them "
            "trial_days, or leave the function out."
        )


def _settings_without_effect(written: Mapping[str, Any], config: Config, given: Given) -> Iterator[str]:
    for name, (needed, means, cure) in NEEDED.items():
        if written.get(f"PREPAID_{name}") not in (None, "") and not any(getattr(given, n) for n in needed):
            yield f"PREPAID_{name} is set, and {means}. Write {cure}, or take the setting away."
    if written.get("PREPAID_SMALL_GRANT") and config.small_grant > config.grants_per_day:
        yield (
            f"PREPAID_SMALL_GRANT is {config.small_grant:,}, and no more than PREPAID_GRANTS_PER_DAY, "
            f"{config.grants_per_day:,}, is given on a day. Raise that, or write no more than it allows."
        )
    served = {
        "keys": (given.keys, "Prepaid(keys=True)"),
        "api": (config.json_api, "PREPAID_JSON_API = True"),
    }
    for page, (there, cure) in served.items():
        if page in (written.get("PREPAID_PATHS") or {}) and not there:
            yield f"PREPAID_PATHS has {page!r}, and nothing is served there. Write {cure}, or take it out."
    for folder in config.translations:
        if not any(has_words(folder, language) for language in config.languages):
            yield (
                f"PREPAID_TRANSLATIONS has {str(folder)!r}, and there are no words in it of "
                f"{', '.join(config.languages)}. Let pybabel compile write "
                "<language>/LC_MESSAGES/flask_prepaid.mo there, and name its language in PREPAID_LANGUAGES; "
                "or take the folder out."
            )


def check_secret_key(app: Flask) -> None:
    """
    :raises ConfigError: There is none.
    """
    if not app.secret_key:
        raise ConfigError(
            "SECRET_KEY is not set. Without it no form can be told from a forged one. Set it before Prepaid "
            "gets the app, and keep it: python -c 'import secrets; print(secrets.token_hex())' makes one."
        )


def check_clock(app: Flask, clock: Clock) -> None:
    """
    :raises ConfigError: It is no function, or gives no time, or one without its zone.
    """
    check_functions({"clock": clock})
    with app.app_context():
        now: object = clock()
    if not isinstance(now, datetime) or now.utcoffset() is None:
        cure = "Let it give a time with its zone, such as datetime.now(UTC)."
        checks.refuse("What Prepaid(clock=...) gave", now, cure)


def check_routes(app: Flask) -> None:
    """
    :raises ConfigError: A page of ours stands where a route is already.
    """
    for sentence in shadows(app):
        raise ConfigError(sentence)


def shadows(app: Flask) -> Iterator[str]:
    """Each page of ours that stands where another route is, or where the app's files are."""
    rules = list(app.url_map.iter_rules())
    ours = [rule for rule in rules if rule.endpoint.startswith("prepaid.")]
    theirs = [rule for rule in rules if not rule.endpoint.startswith("prepaid.")]
    addresses = Counter(address for rule in ours for address in _addresses(rule))
    taken = {address: rule.endpoint for rule in theirs for address in _addresses(rule)}
    folders = [rule.rule.partition("/<path:")[0] for rule in theirs if rule.endpoint.endswith("static")]
    for rule in ours:
        twice = [address for address in _addresses(rule) if addresses[address] > 1 or address in taken]
        if twice:
            other = f"the route of {taken[twice[0]]!r}" if twice[0] in taken else "another page of Prepaid"
            yield f"{rule.endpoint} would stand at {rule.rule}, as {other} does. {MOVE}"
        elif any(folder and rule.rule.startswith(f"{folder}/") for folder in folders):
            yield f"{rule.endpoint} would stand at {rule.rule}, among the app's static files. {MOVE}"


def _addresses(rule: Rule) -> set[tuple[str, str, str, str]]:
    """A method, host, subdomain and path each. What is variable gives way by itself, so has none."""
    if rule.arguments:
        return set()
    methods = (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}
    return {(method, rule.host or "", rule.subdomain or "", rule.rule) for method in methods}


def engine_of(app: Flask, db: Any) -> Engine:
    """The engine that the host's database has for this app.

    :raises ConfigError: There is none, with what to do.
    """
    if db is None:
        raise ConfigError("Prepaid needs a database: Prepaid(app, db) or prepaid.init_app(app, db).")
    if not hasattr(db, "session") or (not hasattr(type(db), "engine") and not hasattr(db, "engine")):
        checks.refuse(
            "The database of Prepaid", db, "Give it Flask-SQLAlchemy's db: it has session and engine."
        )
    try:
        with app.app_context():
            engine: Engine = db.engine
    except NoSuchModuleError as unknown:
        raise ConfigError(
            f"The database's URL names no dialect that SQLAlchemy knows ({unknown}). Write "
            "postgresql+psycopg://user:password@host/database, or sqlite:///file."
        ) from unknown
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"The database's driver {missing.name} is not installed. Books are kept in PostgreSQL or SQLite; "
            'for PostgreSQL, write postgresql+psycopg://... and run: pip install "flask-prepaid[postgresql]"'
        ) from missing
    except ArgumentError as wrong:
        raise ConfigError(f"The database's URL cannot be read: {wrong}") from wrong
    except (RuntimeError, KeyError) as unready:
        raise ConfigError(
            "The database does not know this app yet. Call db.init_app(app), with SQLALCHEMY_DATABASE_URI "
            "set, before prepaid.init_app(app, db)."
        ) from unready
    return engine


def unreachable(error: SQLAlchemyError) -> ConfigError:
    """The refusal of a database that does not open."""
    return ConfigError(
        f"The database does not open: {getattr(error, 'orig', None) or error}. Does its folder exist, "
        "and may this process write there?"
    )


def standby(engine: Engine, url: str) -> Engine | None:
    """An engine on the standby of the app's database, with the app's driver; ``None`` without a standby.

    Connections are opened when it is read, and kept no longer.

    :raises ConfigError: The URL is none, or one of the two is no PostgreSQL.
    """
    if not url:
        return None
    cure = "Write the URL of a standby of the app's own database, such as postgresql://user@host/name."
    try:
        there = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"PREPAID_STANDBY is no URL of a database. {cure}") from error
    if there.get_backend_name() != "postgresql" or engine.dialect.name != "postgresql":
        kinds = f"of {there.get_backend_name()}, and the app's database is {engine.dialect.name}"
        raise ConfigError(f"PREPAID_STANDBY is {kinds}. PostgreSQL alone has standbys. {cure}")
    return create_engine(there.set(drivername=engine.url.drivername), poolclass=NullPool)


def check_currency(currency: str, sold: Sequence[str]) -> None:
    """
    :raises ConfigError: Nothing is sold in that currency and in another one, too.
    """
    if currency and currency not in sold:
        several = f"Write one of {', '.join(sold)}." if sold else "Nothing is sold in several: take it away."
        checks.refuse("PREPAID_CURRENCY", currency, several)


def check_template(app: Flask, name: str) -> None:
    """
    :raises ConfigError: The app has no such template, or one that can't be shown or has no place for pages.
    """
    loader = app.jinja_env.loader
    assert loader is not None, "Flask always gives one"
    try:
        source = checks.template_source(app.jinja_env, loader, name)
        with suppress(TemplateSyntaxError):
            checks.parsed_template(app.jinja_env, source, name)
    except TemplateNotFound:
        raise ConfigError(
            f"PREPAID_BASE_TEMPLATE is {name!r}, and this app has no such template. Put it into the app's "
            "templates folder; if a blueprint brings it, register that before Prepaid gets the app."
        ) from None
    if not re.search(r"\{%-?\s*(extends|include|block\s+content\b)", source):
        raise ConfigError(
            f"PREPAID_BASE_TEMPLATE is {name!r}, which has no block named content: the pages would be empty. "
            "Write {% block content %}{% endblock %} where they shall stand."
        )


def login_owner() -> str | None:
    """Flask-Login's current user as an owner, or ``None`` when nobody is signed in.

    Of a model it is the primary key: what ``get_id`` gives may change with the password.

    :raises ConfigError: The host has no Flask-Login, or the two differ, and it has not said who its
        customers are.
    """
    if not hasattr(current_app, "login_manager"):
        raise ConfigError(NO_LOGIN)
    from flask_login import current_user

    if not current_user.is_authenticated:
        return None
    user = current_user._get_current_object()
    state = inspect_model(user, raiseerr=False)
    if state is None or not hasattr(state, "identity"):
        return f"user:{user.get_id()}"
    if state.identity is None or len(state.identity) != 1:
        raise ConfigError(f"The key of {type(user).__name__} is not one column. {OWNER_CURE}")
    key = str(state.identity[0])
    if user.get_id() != key and not is_of_flask_security(type(user)):
        raise ConfigError(_two_ids(type(user)))
    return f"user:{key}"


def check_user_models(db: Any) -> None:
    """Look at the host's models of users, as far as they are there yet, for one whose ``get_id`` is no key.

    :raises ConfigError: There is one, or no Flask-Login, and the host has not said who its customers are.
    """
    if importlib.util.find_spec("flask_login") is None:
        raise ConfigError(NO_LOGIN)
    registry = getattr(getattr(db, "Model", None), "registry", None)
    for mapper in getattr(registry, "mappers", ()):
        model = mapper.class_
        if not (hasattr(model, "get_id") and hasattr(model, "is_authenticated")):
            continue
        if not is_of_flask_security(model) and _gives_another_id(mapper):
            raise ConfigError(_two_ids(model))


def is_of_flask_security(model: type) -> bool:
    """Whether ``get_id`` is Flask-Security's, which changes with the password and stands for one key."""
    return hasattr(model, "fs_uniquifier")


def _gives_another_id(mapper: Any) -> bool:
    """Whether ``get_id`` gives anything but the primary key; asked on a user of that alone."""
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    user = _UserOfKeys(dict.fromkeys(names, 7))
    get_id: Callable[[Any], object] = mapper.class_.get_id
    try:
        return len(names) != 1 or get_id(user) != "7"
    except AttributeError:  # it asks for something else
        return True
    except Exception:  # it cannot be told before there is a user
        return False


class _UserOfKeys:
    """A user of whom nothing but the primary key is known."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.__dict__.update(keys)


def _two_ids(model: type) -> str:
    return (
        f"{model.__name__}.get_id() is not its primary key, and may change: a wallet under it would be lost. "
        f"{OWNER_CURE}"
    )
