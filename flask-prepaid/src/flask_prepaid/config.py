"""Every ``PREPAID_*`` setting, read once from ``app.config``; a missing one is named.

With ``app.debug`` or ``app.testing`` and no Stripe key, the extension talks to the
emulator on this machine. Anywhere else a missing key or secret stops the app.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from flask import Flask

EMULATOR_KEY = "sk_test_emulator"
EMULATOR_PUBLISHABLE_KEY = "pk_test_emulator"
EMULATOR_SECRET = "whsec_emulator"
EMULATOR_URL = "http://127.0.0.1:12111"

#: What Stripe's part takes, and where each comes from.
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
    """The settings of one app.

    ``balance_low``: below so many available credits, ``balance_low`` is sent; 0 is never.
    ``base_url``: where the app is reached, ``https://example.com``, for the links in mails.
    ``stripe_timeout``: how long one request to Stripe may take, all in all; with its repeats
    twice that. ``check_after``: how long ``tick`` leaves a payment alone before it asks Stripe, the
    first time; twice as long each time after. ``allowance_grace``: how long a plan's credits
    outlast their period, since a renewal is paid an hour after it or days later on a retry.
    ``selling`` is the kill switch. Within an hour one customer may begin
    ``attempts_per_hour`` payments, one address ``attempts_per_address``, and all together may see
    ``declines_per_hour`` fail; 0 is no limit. ``time_zone`` says when a day of the reports begins.
    ``trial_per_card``: a card begins one free trial, whoever has it.
    ``small_grant`` is the most credits that an operator may give whose role is support.
    """

    stripe_secret_key: str
    stripe_publishable_key: str
    webhook_secrets: tuple[str, ...]
    api_base: str | None
    stripe_js_url: str
    stripe_timeout: timedelta = timedelta(seconds=10)
    paths: dict[str, str] = field(default_factory=dict)
    base_template: str = "prepaid/base.html"
    hold_expires_after: timedelta = timedelta(hours=1)
    debt_blocks: bool = True
    check_after: timedelta = timedelta(seconds=30)
    balance_low: int = 0
    base_url: str = ""
    allowance_grace: timedelta = timedelta(hours=72)
    selling: bool = True
    attempts_per_hour: int = 100
    attempts_per_address: int = 200
    declines_per_hour: int = 500
    promotion_codes: bool = False
    invoices: bool = False
    automatic_tax: bool = False
    trial_per_card: bool = True
    time_zone: str = "UTC"
    small_grant: int = 100

    @property
    def livemode(self) -> bool:
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))


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
    return Config(
        stripe_secret_key=settings["STRIPE_SECRET_KEY"],
        stripe_publishable_key=settings["STRIPE_PUBLISHABLE_KEY"],
        webhook_secrets=tuple(s.strip() for s in settings["STRIPE_WEBHOOK_SECRET"].split(",") if s.strip()),
        api_base=base,
        stripe_js_url=settings.get("STRIPE_JS_URL")
        or (f"{base}/js/stripe.js" if base else "https://js.stripe.com/endive/stripe.js"),
        stripe_timeout=settings.get("STRIPE_TIMEOUT", timedelta(seconds=10)),
        paths={**DEFAULT_PATHS, **settings.get("PATHS", {})},
        base_template=settings.get("BASE_TEMPLATE", "prepaid/base.html"),
        hold_expires_after=settings.get("HOLD_EXPIRES_AFTER", timedelta(hours=1)),
        debt_blocks=settings.get("DEBT_BLOCKS", True),
        balance_low=settings.get("BALANCE_LOW", 0),
        base_url=settings.get("BASE_URL", ""),
        check_after=settings.get("CHECK_AFTER", timedelta(seconds=30)),
        allowance_grace=settings.get("ALLOWANCE_GRACE", timedelta(hours=72)),
        selling=settings.get("SELLING", True),
        attempts_per_hour=settings.get("ATTEMPTS_PER_HOUR", 100),
        attempts_per_address=settings.get("ATTEMPTS_PER_ADDRESS", 200),
        declines_per_hour=settings.get("DECLINES_PER_HOUR", 500),
        promotion_codes=settings.get("PROMOTION_CODES", False),
        invoices=settings.get("INVOICES", False),
        automatic_tax=settings.get("AUTOMATIC_TAX", False),
        trial_per_card=settings.get("TRIAL_PER_CARD", True),
        time_zone=zone(settings.get("TIME_ZONE", "UTC")),
        small_grant=settings.get("SMALL_GRANT", 100),
    )


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
