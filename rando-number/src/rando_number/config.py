"""Every setting, read once from the environment or ``.env``; production refuses what is unsafe.

The names are those of ``.env.example``. An old or wrong one is named with what to do.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click
from dotenv import dotenv_values, find_dotenv

from flask_prepaid.languages.words import marked

from .production import is_address, unsafe

EMULATOR_URL = "http://127.0.0.1:12111"
EMULATOR_KEY = "sk_test_emulator"

#: What the article of 2018 and the extension call a setting, and what it is called here.
CALLED_HERE = {
    "DATABASE_URI": "DATABASE_URL",
    "APP_SECRET_KEY": "SECRET_KEY",
    "STRIPE_PUB_KEY": "STRIPE_PUBLISHABLE_KEY",
    "PREPAID_STRIPE_SECRET_KEY": "STRIPE_SECRET_KEY",
    "PREPAID_STRIPE_PUBLISHABLE_KEY": "STRIPE_PUBLISHABLE_KEY",
    "PREPAID_STRIPE_WEBHOOK_SECRET": "STRIPE_WEBHOOK_SECRET",
    "PREPAID_STRIPE_API_BASE": "STRIPE_API_BASE",
    "PREPAID_BASE_URL": "RANDO_BASE_URL",
    "PREPAID_INVOICES": "RANDO_INVOICES",
    "PREPAID_LOCAL_WEBHOOKS": "RANDO_LOCAL_WEBHOOKS",
    "PREPAID_TRIAL_PER_CARD": "RANDO_TRIAL_PER_CARD",
}

#: Settings of the extension that the shop has made already.
FIXED = (
    "PREPAID_PATHS",
    "PREPAID_BASE_TEMPLATE",
    "PREPAID_BALANCE_LOW",
    "PREPAID_LANGUAGES",
    "PREPAID_TRANSLATIONS",
)
FIXED_LIMITS = (
    "PREPAID_ATTEMPTS_PER_HOUR",
    "PREPAID_ATTEMPTS_PER_ADDRESS",
    "PREPAID_DECLINES_PER_HOUR",
    "PREPAID_ASKS_PER_MINUTE",
)

#: Settings that have no effect unless another one is set, too.
NEEDS = (
    ("MAIL_PORT", "MAIL_SERVER"),
    ("MAIL_USE_TLS", "MAIL_SERVER"),
    ("MAIL_USE_SSL", "MAIL_SERVER"),
    ("MAIL_USERNAME", "MAIL_SERVER"),
    ("MAIL_PASSWORD", "MAIL_SERVER"),
    ("MAIL_PASSWORD", "MAIL_USERNAME"),
    ("RANDO_DATABASE_POOLER", "DATABASE_URL"),
)

#: 19 MiB, two passes, one thread: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
ARGON2 = {"argon2__memory_cost": 19_456, "argon2__time_cost": 2, "argon2__parallelism": 1}

#: Where the extension's pages are, under the names that the article gave them.
PATHS = {
    "buy": "/buy-credits",
    "custom": "/buy-credits/custom",
    "return": "/buy-credits/return",
    "confirm": "/buy-credits/confirm",
    "invoice": "/buy-credits/invoice",
    "billing": "/billing",
    "cards": "/cards",
    "keys": "/api-keys",
    "plan": "/subscription",
    "redeem": "/redeem",
    "alerts": "/alerts",
    "endpoints": "/webhooks",
    "operator": "/admin",
    "webhook": "/prepaid/webhook",
}


MAIL_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+")

#: How long a process that serves waits for an answer of the database where no setting says it, in seconds.
ANSWER_S = 4

#: How long is waited for a connection to the database, in seconds; for each host, if its URL names several.
CONNECT_S = 3

#: Connections that a process keeps, and has at most: more than all its threads together.
KEPT_CONNECTIONS = 20
CONNECTIONS = 48


#: Letters of a secret that this shop makes, and what to do where it is lost.
SECRET_LENGTH = 64
PUT_BACK = (
    "Put it back from your backup: sessions, passwords and second factors hang on such secrets. "
    "In a shop that nobody uses yet, take the file away: a new one is made."
)


class ConfigError(click.ClickException, RuntimeError):
    """A setting is missing or wrong. The message names it and says what to do; ``flask`` prints only that."""


def environment() -> dict[str, str]:
    """The process's environment over what the nearest ``.env`` says."""
    file = find_dotenv(usecwd=True)
    try:
        written = {name: value for name, value in dotenv_values(file).items() if value}
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 ({error}). Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror}). May this process read it?") from error
    return {**written, **os.environ}


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where all state lies: the SQLite databases, mails, and secrets made on first start."""
    return Path(environ.get("RANDO_DATA") or "instance").resolve()


def made_folder(environ: Mapping[str, str]) -> Path:
    """The data folder, made if it is not there. What this process writes is for its owner alone.

    :raises ConfigError: The folder can't be made, or nothing can be written there.
    """
    data = data_folder(environ)
    os.umask(0o077)
    try:
        data.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise ConfigError(
            f"RANDO_DATA leads to {data}, which can't be written ({error.strerror}). Choose another folder."
        ) from error
    return data


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """The app's configuration.

    :raises ConfigError: A setting is missing, wrong, or called by its old name.
    """
    wrong = misnamed(environ) + without_effect(environ)
    kind = environ.get("RANDO_ENV") or "development"
    production = kind == "production"
    if kind not in ("production", "development"):
        wrong.append(f"RANDO_ENV must be production or development, not {kind!r}.")
    if production:
        wrong += unsafe(environ)
    base_url = environ.get("RANDO_BASE_URL", "").rstrip("/").lower()  # as browsers name it
    if not production and base_url and not is_address(base_url, {"http", "https"}):
        wrong.append(f"RANDO_BASE_URL must be an address such as https://shop.example, not {base_url!r}.")
    wrong = wrong or missing(environ)
    if wrong:
        raise ConfigError("\n".join(wrong))

    data = made_folder(environ)
    totp_secret = environ.get("RANDO_TOTP_SECRET") or kept_secret(data / "totp-secret")
    return {
        "PRODUCTION": production,
        "SECRET_KEY": environ.get("SECRET_KEY") or kept_secret(data / "secret-key"),
        "SECRET_KEY_FALLBACKS": [environ["SECRET_KEY_BEFORE"]] if environ.get("SECRET_KEY_BEFORE") else None,
        **database(environ, data),
        "MAX_CONTENT_LENGTH": 256 * 1024,
        "MAX_WEBHOOK_LENGTH": 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 64 * 1024,
        "MAX_FORM_PARTS": 100,
        "PROXY_HOPS": number(environ, "RANDO_PROXY_HOPS", 0, max=16),
        "ADMIN_SECOND_FACTOR": flag(environ, "RANDO_ADMIN_SECOND_FACTOR", production),
        "METRICS_TOKEN": environ.get("RANDO_METRICS_TOKEN") or "",
        "JSON_LOGS": flag(environ, "RANDO_JSON_LOGS", False),
        "API_RATE": number(environ, "RANDO_API_RATE", 6000, min=1, max=10**9),
        **seller(environ),
        **of_extension(environ),
        **web(base_url),
        **stripe(environ),
        **limits(environ, production),
        **security(environ, data, production),
        "MAILBOX_KEY": f"mailbox:{totp_secret}",
        "TOTP_SECRET": totp_secret,
        **mail(environ, data),
    }


def misnamed(environ: Mapping[str, str]) -> list[str]:
    """What is set under a name that is not read, and what to do about it."""
    wrong = [
        f"{name} is called {here} here. Rename it." for name, here in CALLED_HERE.items() if environ.get(name)
    ]
    wrong += [
        f"{name} is called {name.removeprefix('FLASK_')} here. Rename it."
        for name in environ
        if name.startswith("FLASK_PREPAID_")
    ]
    wrong += [f"The shop sets {name} itself. Take it away." for name in environ if name in FIXED]
    return wrong + [
        f"The shop sets {name} itself. Take it away; RATELIMIT_ENABLED=0 lifts every limit."
        for name in environ
        if name in FIXED_LIMITS
    ]


def without_effect(environ: Mapping[str, str]) -> list[str]:
    """What is set and does nothing, since what it goes with is not."""
    return [
        f"{name} is set, and has no effect without {other}. Set that, too, or take {name} away."
        for name, other in NEEDS
        if environ.get(name, "0") not in ("", "0") and not environ.get(other)
    ]


def seller(environ: Mapping[str, str]) -> dict[str, str]:
    """Who sells, for the pages and mails that say so.

    :raises ConfigError: The contact is no mail address.
    """
    contact = environ.get("RANDO_CONTACT", "").strip()
    if contact and not MAIL_ADDRESS.fullmatch(contact):
        raise ConfigError(f"RANDO_CONTACT must be a mail address such as help@shop.example, not {contact!r}.")
    return {
        "SELLER": environ.get("RANDO_SELLER", "").strip(),
        "SELLER_ADDRESS": environ.get("RANDO_ADDRESS", "").strip(),
        "CONTACT": contact,
        "PREPAID_SHOP_NAME": "Rando Number",
        "PREPAID_SUPPORT_EMAIL": contact,
    }


def of_extension(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that keep the extension's names, such as ``PREPAID_SELLING``; it checks them itself."""
    return {
        name: value
        for name, value in environ.items()
        if value and name.startswith("PREPAID_") and not name.startswith("PREPAID_TEST_")
    }


def missing(environ: Mapping[str, str]) -> list[str]:
    """The settings that Stripe's key needs and that are not set. Without a key the emulator is used."""
    if environ.get("STRIPE_SECRET_KEY", EMULATOR_KEY) in ("", EMULATOR_KEY):
        return []
    where = {
        "STRIPE_PUBLISHABLE_KEY": "It stands beside the secret key in Stripe's dashboard.",
        "STRIPE_WEBHOOK_SECRET": "`flask prepaid connect --url ...` prints it; until then any text that "
        "begins with whsec_ will do.",
    }
    return [f"{name} is not set. {advice}" for name, advice in where.items() if not environ.get(name)]


def web(base_url: str) -> dict[str, Any]:
    """Cookies and hosts. Over https the cookies can't be set by a neighbour or read on the way."""
    secure = base_url.startswith("https://")
    return {
        "BASE_URL": base_url,
        "PREPAID_BASE_URL": base_url,
        "PREPAID_BALANCE_LOW": 2,
        "PREFERRED_URL_SCHEME": "https" if secure else "http",
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
        "SESSION_REFRESH_EACH_REQUEST": False,  # a picture that comes late would bring back an old session
        "WTF_CSRF_TIME_LIMIT": None,  # a token lives as long as its session
    }


def stripe(environ: Mapping[str, str]) -> dict[str, Any]:
    """Stripe by its keys; with no key, the emulator on this machine."""
    key = environ.get("STRIPE_SECRET_KEY") or EMULATOR_KEY
    emulated = key == EMULATOR_KEY
    base = environ.get("STRIPE_API_BASE") or (EMULATOR_URL if emulated else None)
    return {
        "TEST_MODE": not key.startswith(("sk_live_", "rk_live_")),
        "PREPAID_STRIPE_SECRET_KEY": key,
        "PREPAID_STRIPE_PUBLISHABLE_KEY": environ.get("STRIPE_PUBLISHABLE_KEY")
        or ("pk_test_emulator" if emulated else None),
        "PREPAID_STRIPE_WEBHOOK_SECRET": environ.get("STRIPE_WEBHOOK_SECRET")
        or ("whsec_emulator" if emulated else None),
        "PREPAID_STRIPE_API_BASE": base,
        "PREPAID_INVOICES": flag(environ, "RANDO_INVOICES", True),
        "PREPAID_LOCAL_WEBHOOKS": flag(environ, "RANDO_LOCAL_WEBHOOKS", False),
        "PREPAID_PATHS": PATHS,
        "PREPAID_BASE_TEMPLATE": "base.html",
    }


def limits(environ: Mapping[str, str], production: bool) -> dict[str, Any]:
    """``memory://`` counts per process; more than one process wants Redis or Valkey."""
    enabled = flag(environ, "RATELIMIT_ENABLED", True)
    per_card = flag(environ, "RANDO_TRIAL_PER_CARD", production)  # everybody has the same few test cards
    return {
        "RATELIMIT_ENABLED": enabled,
        "PREPAID_ATTEMPTS_PER_HOUR": 100 if enabled else 0,
        "PREPAID_ATTEMPTS_PER_ADDRESS": 200 if enabled else 0,
        "PREPAID_ASKS_PER_MINUTE": 60 if enabled else 0,
        "PREPAID_DECLINES_PER_HOUR": 500 if enabled else 0,
        "PREPAID_TRIAL_PER_CARD": enabled and per_card,
        "RATELIMIT_STORAGE_URI": environ.get("RATELIMIT_STORAGE_URI") or "memory://",
        # Two counters a customer. The moving window keeps each call in a list that it moves and sweeps.
        "RATELIMIT_STRATEGY": "sliding-window-counter",
    }


def security(environ: Mapping[str, str], data: Path, production: bool) -> dict[str, Any]:
    """Flask-Security: what is on, and where it must be stricter than it is by itself."""
    confirm = flag(environ, "RANDO_CONFIRM_EMAIL", production)
    credits_wait = flag(environ, "RANDO_CREDITS_AFTER_CONFIRM", production and confirm)
    if credits_wait and not confirm:
        raise ConfigError(
            "RANDO_CREDITS_AFTER_CONFIRM needs RANDO_CONFIRM_EMAIL=1: nobody would get any credits."
        )
    return {
        "CREDITS_AFTER_CONFIRM": credits_wait,
        "SECURITY_PASSWORD_SALT": environ.get("SECURITY_PASSWORD_SALT")
        or kept_secret(data / "password-salt"),
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2", "plaintext"],
        "SECURITY_PASSWORD_SINGLE_HASH": {"argon2"},
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": ARGON2,
        "SECURITY_PASSWORD_NORMALIZE_FORM": None,  # verified as received: ASVS 6.2.8
        # What is hashed into a link has chance enough, so it need not be slow, and must not: time tells.
        "SECURITY_HASHING_SCHEMES": ["hex_sha256"],
        "SECURITY_REGISTERABLE": True,
        "SECURITY_PASSWORD_CONFIRM_REQUIRED": False,  # it can be shown, and a mail sets another one
        "SECURITY_RECOVERABLE": True,
        "SECURITY_CHANGEABLE": True,
        "SECURITY_CHANGE_EMAIL": True,
        "SECURITY_CONFIRMABLE": confirm,
        "SECURITY_LOGIN_WITHOUT_CONFIRMATION": confirm,  # the free credits; buying waits, see accounts
        "SECURITY_SEND_REGISTER_EMAIL": confirm,
        "SECURITY_EMAIL_HTML": False,  # made of the text, in the layout of all our mails
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_RESET_PASSWORD_WITHIN": timedelta(minutes=10),
        "SECURITY_FRESHNESS": timedelta(minutes=30),
        "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(minutes=10),
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_EMAIL_VALIDATOR_ARGS": {
            "check_deliverability": False,
            "test_environment": stripe(environ)["TEST_MODE"],
        },
        "SECURITY_MSG_UNAUTHENTICATED": (marked("Sign in to see this page."), "info"),
        "SECURITY_MSG_PASSWORD_RESET_REQUEST": (
            marked("We have sent a link to %(email)s, if it has an account."),
            "info",
        ),
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": (marked("The email or the password is wrong."), "error"),
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_REGISTER_VIEW": "/",
        "SECURITY_POST_RESET_VIEW": "/login",
        "SECURITY_POST_CHANGE_VIEW": "/user-profile",
    }


def mail(environ: Mapping[str, str], data: Path) -> dict[str, Any]:
    """A mail server by ``MAIL_SERVER``; without one, mails are kept as files in the data folder."""
    server = environ.get("MAIL_SERVER")
    return {
        "MAIL_BACKEND": "smtp" if server else "file",
        "MAIL_FILE_PATH": str(data / "mails"),
        "MAIL_SERVER": server,
        "MAIL_PORT": number(environ, "MAIL_PORT", 25, min=1, max=65_535),
        "MAIL_TIMEOUT": 10,  # seconds; a customer may wait for a receipt to go out
        "MAIL_USE_TLS": flag(environ, "MAIL_USE_TLS", False),
        "MAIL_USE_SSL": flag(environ, "MAIL_USE_SSL", False),
        "MAIL_USERNAME": environ.get("MAIL_USERNAME"),
        "MAIL_PASSWORD": environ.get("MAIL_PASSWORD"),
        "MAIL_DEFAULT_SENDER": environ.get("MAIL_DEFAULT_SENDER") or "Rando Number <no-reply@localhost>",
    }


def database_url(url: str | None, data: Path) -> str:
    """SQLite in the data folder, or the database named, by the driver that we install."""
    if not url:
        return f"sqlite:///{data / 'rando.sqlite3'}"
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def database(environ: Mapping[str, str], data: Path) -> dict[str, Any]:
    """Where the database is, how long it is waited for, and whether a pooler stands in front of it."""
    url = environ.get("DATABASE_URL") or ""
    answer_s = number(environ, "RANDO_DATABASE_TIMEOUT", ANSWER_S, min=1, max=60)
    pooled = flag(environ, "RANDO_DATABASE_POOLER", False)
    return {
        "DATABASE_TIMEOUT_S": answer_s,
        "SQLALCHEMY_DATABASE_URI": database_url(url, data),
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url, answer_s, pooled=pooled),
    }


def engine_options(url: str, answer_s: int, *, pooled: bool) -> dict[str, Any]:
    """More connections than threads that answer, and nothing that is waited for longer than a few seconds.

    :param pooled: A pooler gives each transaction another connection: nothing is prepared on one, and nothing
        set for longer than a transaction. Let the database's user have ``lock_timeout`` there.
    """
    options: dict[str, Any] = {
        "hide_parameters": True,  # of a statement that failed: the log is no place for addresses and secrets
        "pool_size": KEPT_CONNECTIONS,
        "max_overflow": CONNECTIONS - KEPT_CONNECTIONS,
        "pool_timeout": answer_s,
    }
    if "postgres" not in url.partition(":")[0]:
        return options
    # A peer that is gone without a word is noticed in half a minute, not in two hours.
    alive = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
    options["connect_args"] = {"connect_timeout": CONNECT_S, **alive}
    if pooled:
        options["connect_args"]["prepare_threshold"] = None
    elif "options=" not in url:
        options["connect_args"]["options"] = f"-c lock_timeout={answer_s}s"
    return options


def flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """Read a setting that switches something on or off.

    :raises ConfigError: The setting is neither 1 nor 0.
    """
    value = environ.get(name) or str(int(default))
    if value not in ("0", "1"):
        raise ConfigError(f"{name} must be 1 or 0, not {value!r}.")
    return value == "1"


def number(environ: Mapping[str, str], name: str, default: int, *, min: int = 0, max: int) -> int:
    """Read a setting that is a whole number, from ``min`` to ``max``.

    :raises ConfigError: The setting is no such number.
    """
    value = environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 19 and min <= int(value) <= max):
        raise ConfigError(f"{name} must be a whole number from {min} to {max}, not {value!r}.")
    return int(value)


def kept_secret(path: Path) -> str:
    """A secret made on the first start and kept in the data folder, for its owner only.

    Workers that start together agree on it: a link is made once, and the others read it.

    :raises ConfigError: The file is there, and no secret is in it.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another worker was first
            os.link(draft, path)
        draft.unlink()
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read ({error}). {PUT_BACK}") from error
    if len(secret) < SECRET_LENGTH:
        raise ConfigError(f"{path} is empty, or cut off. {PUT_BACK}")
    return secret
