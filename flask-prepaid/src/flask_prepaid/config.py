"""Every ``PREPAID_*`` setting, read once from ``app.config``; a missing one is named.

With ``app.debug`` or ``app.testing`` and no Stripe key, the extension talks to the
emulator on this machine. Anywhere else a missing key or secret stops the app.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, fields
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from flask import Flask

from prepaid_ledger import ALLOWANCE_GRACE, HOLD_EXPIRES_AFTER

EMULATOR_KEY = "sk_test_emulator"
EMULATOR_PUBLISHABLE_KEY = "pk_test_emulator"
EMULATOR_SECRET = "whsec_emulator"
EMULATOR_URL = "http://127.0.0.1:12111"

#: The settings without which nothing is sold, and where each comes from.
COMES_FROM = {
    "STRIPE_SECRET_KEY": "It stands in Stripe's dashboard. To try things out without an account, run in "
    "debug mode: flask --debug ...",
    "STRIPE_PUBLISHABLE_KEY": "It stands beside the secret key in Stripe's dashboard.",
    "STRIPE_WEBHOOK_SECRET": "`flask prepaid connect --url ...` sets up the webhook and prints it; until "
    "then any text will do. In debug mode, with test keys, it can stay away: `flask --debug prepaid listen`.",
}

#: Where the pages are, below the app's root. A host overrides single ones by PREPAID_PATHS.
DEFAULT_PATHS = {
    "buy": "/prepaid/buy",
    "custom": "/prepaid/buy/custom",
    "return": "/prepaid/return",
    "confirm": "/prepaid/confirm",
    "invoice": "/prepaid/invoice",
    "cards": "/prepaid/cards",
    "plan": "/prepaid/plan",
    "operator": "/prepaid/admin",
    "webhook": "/prepaid/webhook",
}


class ConfigError(click.ClickException, RuntimeError):
    """A setting is missing or wrong. The message names it and says what to do; ``flask`` prints only that."""


@dataclass(frozen=True)
class Config:
    """The settings of one app. Each that has a default is ``PREPAID_`` and its name in capitals."""

    stripe_secret_key: str
    stripe_publishable_key: str
    #: Those that a webhook may be signed with: two, while one replaces the other.
    webhook_secrets: tuple[str, ...]
    #: Where Stripe's API is, if not at Stripe: the emulator's address.
    api_base: str | None
    stripe_js_url: str
    #: How long one request to Stripe may take, all in all; with its repeats twice that.
    stripe_timeout: timedelta = timedelta(seconds=10)
    #: Where each page is, below the app's root.
    paths: dict[str, str] = field(default_factory=dict)
    #: The template that the pages extend.
    base_template: str = "prepaid/base.html"
    #: A hold that nobody ended gives its credits back after this.
    hold_expires_after: timedelta = HOLD_EXPIRES_AFTER
    #: Whether an owner who owes credits can't spend.
    debt_blocks: bool = True
    #: How long ``tick`` leaves a payment alone before it asks Stripe, the first time; then twice as long.
    check_after: timedelta = timedelta(seconds=30)
    #: Below so many available credits the signal ``balance_low`` is sent; 0 is never.
    balance_low: int = 0
    #: Where the app is reached, ``https://example.com``, for the links in mails.
    base_url: str = ""
    #: How long a plan's credits outlast their period: a renewal is paid an hour after it, or days later.
    allowance_grace: timedelta = ALLOWANCE_GRACE
    #: The kill switch: whether anything is sold.
    selling: bool = True
    #: How many payments one customer may begin within an hour; 0 is no limit.
    attempts_per_hour: int = 100
    #: How many payments may be begun within an hour from one address; 0 is no limit.
    attempts_per_address: int = 200
    #: How many payments of all customers together may fail within an hour; 0 is no limit.
    declines_per_hour: int = 500
    #: How often within a minute one customer's pages may ask Stripe, in each process; then they show what is
    #: known here. 0 is no limit.
    asks_per_minute: int = 60
    #: Whether Stripe's pages take promotion codes.
    promotion_codes: bool = False
    #: Whether Stripe makes an invoice of each purchase.
    invoices: bool = False
    #: Whether Stripe adds tax by the customer's address.
    automatic_tax: bool = False
    #: Whether a card begins one free trial only, whoever has it.
    trial_per_card: bool = True
    #: Whether a payment is refunded by itself when its card's bank sends an early fraud warning.
    refund_fraud_warnings: bool = False
    #: When a day of the reports begins.
    time_zone: str = "UTC"
    #: The most credits that an operator may give whose role is support.
    small_grant: int = 100

    @property
    def livemode(self) -> bool:
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))


NAMES = tuple(each.name for each in fields(Config))


def read(app: Flask) -> Config:
    """The settings of ``app``.

    :raises ConfigError: A setting is missing or wrong.
    """
    settings = app.config.get_namespace("PREPAID_", lowercase=False)
    key = settings.get("STRIPE_SECRET_KEY") or ""
    emulated = not key and (app.debug or app.testing)
    if emulated:
        settings = {
            "STRIPE_SECRET_KEY": EMULATOR_KEY,
            "STRIPE_PUBLISHABLE_KEY": EMULATOR_PUBLISHABLE_KEY,
            "STRIPE_WEBHOOK_SECRET": EMULATOR_SECRET,
            "STRIPE_API_BASE": EMULATOR_URL,
            **{name: value for name, value in settings.items() if value not in (None, "")},
        }
    elif app.debug and key.startswith(("sk_test_", "rk_test_")) and not settings.get("STRIPE_WEBHOOK_SECRET"):
        # `listen` fetches the events; what comes to the webhook is signed by nobody that we know.
        settings["STRIPE_WEBHOOK_SECRET"] = f"whsec_{secrets.token_hex(16)}"
    for name in COMES_FROM:
        if not settings.get(name):
            raise ConfigError(missing(name))
    base = settings.get("STRIPE_API_BASE")
    stripe_js = f"{base}/js/stripe.js" if base else "https://js.stripe.com/endive/stripe.js"
    signing = (secret.strip() for secret in settings["STRIPE_WEBHOOK_SECRET"].split(","))
    values = {name: settings[name.upper()] for name in NAMES if name.upper() in settings}
    values |= {
        "webhook_secrets": tuple(secret for secret in signing if secret),
        "api_base": base,
        "stripe_js_url": settings.get("STRIPE_JS_URL") or stripe_js,
        "paths": {**DEFAULT_PATHS, **settings.get("PATHS", {})},
        "time_zone": zone(settings.get("TIME_ZONE", Config.time_zone)),
    }
    return Config(**values)


def missing(name: str) -> str:
    """What to do about a setting that is not there."""
    sentence = f"PREPAID_{name} is not set. {COMES_FROM[name]}"
    if f"PREPAID_{name}" in os.environ:
        sentence += (
            f" The environment's PREPAID_{name} is not read by itself: app.config.from_prefixed_env() "
            f"reads it as FLASK_PREPAID_{name}."
        )
    return sentence


def zone(name: str) -> str:
    """
    :raises ConfigError: There is no such time zone.
    """
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"PREPAID_TIME_ZONE is {name!r}. Take a name such as Europe/Berlin; on Windows, install tzdata."
        ) from error
