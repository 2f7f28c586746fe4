"""Every ``PREPAID_*`` setting in one table, read once from ``app.config``; a wrong one is named.

With ``app.debug`` or ``app.testing`` and no Stripe key, the extension talks to the
emulator on this machine. Anywhere else a missing key or secret stops the app.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from prepaid_ledger import ALLOWANCE_GRACE, HOLD_EXPIRES_AFTER

from . import checks
from .errors import ConfigError
from .kinds import (
    Folders,
    Kind,
    Languages,
    MailAddress,
    Paths,
    Period,
    Place,
    Secrets,
    StripeKey,
    Switch,
    Text,
    Url,
    Whole,
    Zone,
)

EMULATOR_URL = "http://127.0.0.1:12111"

#: What the settings are with no key of Stripe's, in debug mode and in tests.
EMULATED = {
    "STRIPE_SECRET_KEY": "sk_test_emulator",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
    "STRIPE_WEBHOOK_SECRET": "whsec_emulator",
    "STRIPE_API_BASE": EMULATOR_URL,
}

#: The settings without which nothing is sold, and where each comes from.
COMES_FROM = {
    "STRIPE_SECRET_KEY": "It stands in Stripe's dashboard. To try things out without an account, run in "
    "debug mode: flask --debug ..., or FLASK_DEBUG=1 python ...",
    "STRIPE_PUBLISHABLE_KEY": "It stands beside the secret key in Stripe's dashboard.",
    "STRIPE_WEBHOOK_SECRET": "`flask prepaid connect --url ...` sets up the webhook and prints it; until "
    "then any text that begins with whsec_ will do. In debug mode, with test keys, it can stay away: "
    "`flask --debug prepaid listen`.",
}

#: Where the pages are, below the app's root. A host overrides single ones by PREPAID_PATHS.
DEFAULT_PATHS = {
    "buy": "/prepaid/buy",
    "custom": "/prepaid/buy/custom",
    "return": "/prepaid/return",
    "confirm": "/prepaid/confirm",
    "invoice": "/prepaid/invoice",
    "billing": "/prepaid/billing",
    "cards": "/prepaid/cards",
    "plan": "/prepaid/plan",
    "keys": "/prepaid/keys",
    "redeem": "/prepaid/redeem",
    "alerts": "/prepaid/alerts",
    "endpoints": "/prepaid/endpoints",
    "api": "/prepaid/api",
    "operator": "/prepaid/admin",
    "webhook": "/prepaid/webhook",
}

_IN_DEBUG = "the emulator's in debug or testing"


def setting(
    kind: Kind, means: str, default: Any = MISSING, *, name: str | None = None, shown: str | None = None
) -> Any:
    """A row of the table.

    :param kind: Reads what is written.
    :param means: What the setting does, for the reference.
    :param default: What it is where nothing is written.
    :param name: Its name without ``PREPAID_``, where it is not that of the field.
    :param shown: The default in words, where no value stands for it.
    """
    row = {"kind": kind, "means": means, "name": name, "shown": shown}
    # A ``field``, whose default is made anew where it can change: Ruff cannot see that (RUF009).
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=row)
    return field(default=default, metadata=row)


@dataclass(frozen=True)
class Config:
    """The settings of one app: the one table of them. Each is ``PREPAID_`` and its name in capitals."""

    stripe_secret_key: str = setting(
        StripeKey(("sk_", "rk_")), "Stripe's secret key, or a restricted one", shown=_IN_DEBUG
    )
    stripe_publishable_key: str = setting(
        StripeKey(("pk_",)), "the key that Stripe's script on your page takes", shown=_IN_DEBUG
    )
    webhook_secrets: tuple[str, ...] = setting(
        Secrets(),
        "proves events; two, comma-separated, while you change it",
        name="STRIPE_WEBHOOK_SECRET",
        shown=_IN_DEBUG,
    )
    api_base: str | None = setting(
        Url(bare=True),
        "where the API is; the emulator's URL when it serves",
        None,
        name="STRIPE_API_BASE",
        shown="Stripe",
    )
    stripe_js_url: str = setting(
        Url(), "the script of the page with elements", "", shown="Stripe's, or the emulator's"
    )
    stripe_timeout: timedelta = setting(  # noqa: RUF009
        Period(timedelta(seconds=1), timedelta(seconds=80)),
        "how long one request to Stripe may take, all in all; with its repeats twice that",
        timedelta(seconds=10),
    )
    paths: dict[str, str] = setting(  # noqa: RUF009
        Paths(DEFAULT_PATHS),
        "your paths of [the pages](http.md), by name; the others stay where they are",
        DEFAULT_PATHS,
        shown="{}",
    )
    json_api: bool = setting(
        Switch(),
        "the pages' work as JSON. [Sell from a single-page app](../how-to/single-page.md)",
        False,
    )
    base_template: str = setting(Text("a template's name"), "the frame of the pages", "prepaid/base.html")
    hold_expires_after: timedelta = setting(  # noqa: RUF009
        Period(timedelta(seconds=1), timedelta(days=366)),
        "a hold that nobody ended gives its credits back after this",
        HOLD_EXPIRES_AFTER,
    )
    debt_blocks: bool = setting(Switch(), "whoever owes credits after a refund or dispute can't spend", True)
    check_after: timedelta = setting(  # noqa: RUF009
        Period(timedelta(0), timedelta(days=1)),
        "how long `tick` leaves a payment alone before it asks Stripe; twice as long each time after",
        timedelta(seconds=30),
    )
    allowance_grace: timedelta = setting(  # noqa: RUF009
        Period(timedelta(0), timedelta(days=366)),
        "how long a plan's credits outlast their period, since a renewal may be paid late",
        ALLOWANCE_GRACE,
    )
    balance_low: int = setting(
        Whole(),
        "a customer who has set no balance alert is told when fewer credits than this are available, once "
        "each time; 0 is never",
        0,
    )
    local_webhooks: bool = setting(
        Switch(),
        "customers' webhooks may go to this machine, 127.0.0.1, and by http: for development alone, and "
        "refused with a live key",
        False,
    )
    base_url: str = setting(Url(), "where the app is reached, for the links in mails", "")
    shop_name: str = setting(Text("a name"), "who writes the mails", "", shown="the host of PREPAID_BASE_URL")
    support_email: str = setting(
        MailAddress(), "where customers ask, at the foot of each mail; empty is nowhere", ""
    )
    receipts: bool = setting(
        Switch(),
        "each payment and each refund has a receipt by mail, once; `False` where Stripe sends its own",
        True,
    )
    languages: tuple[str, ...] = setting(
        Languages(),
        "what customers can read: `de`, `en` and `es`, and what your own catalogues add. The first one is "
        "the default. [Speak your customers' language](../how-to/languages.md)",
        ("en",),
        shown="`en`",
    )
    translations: tuple[Path, ...] = setting(
        Folders(),
        "your own catalogues, `<language>/LC_MESSAGES/flask_prepaid.mo` in each folder: they add languages, "
        "and word single messages anew",
        (),
        shown="",
    )
    time_zone: str = setting(
        Zone(),
        "by whose clocks a day of the reports begins, and times in mails are written; a customer who has "
        "set a limit gets mails in the zone of that limit",
        "UTC",
    )
    small_grant: int = setting(
        Whole(), "the most credits that an operator may give whose role is support", 100
    )
    grants_per_day: int = setting(
        Whole(), "the most credits that such an operator may give on one day, UTC, to all together", 1_000
    )
    selling: bool = setting(Switch(), "`False` stops all selling; spending goes on", True)
    attempts_per_hour: int = setting(
        Whole(),
        "times that one customer may begin to pay, or to leave a card, in an hour; 0 is no limit",
        100,
    )
    attempts_per_address: int = setting(
        Whole(), "the same for one address, whoever comes from there; behind a proxy, set up ProxyFix", 200
    )
    declines_per_hour: int = setting(
        Whole(), "failed payments of all customers in an hour, then nobody can pay; 0 is no limit", 500
    )
    asks_per_minute: int = setting(
        Whole(),
        "times a minute that one customer's pages may ask Stripe, in each process; then they show what is "
        "known here. 0 is no limit",
        60,
    )
    code_guesses_per_hour: int = setting(
        Whole(), "codes that give nothing and that one customer may try in an hour; 0 is no limit", 10
    )
    code_guesses_per_address: int = setting(
        Whole(),
        "the same for one address; it does not hold for a customer who has paid once. Behind a proxy, set up "
        "ProxyFix",
        100,
    )
    trial_per_card: bool = setting(
        Switch(),
        "a card begins one free trial, whoever has it. "
        "[The rule](../decisions/0006-credits-follow-the-invoice.md)",
        True,
    )
    refund_fraud_warnings: bool = setting(
        Switch(),
        "a charge is refunded by itself when its card's bank sends an early fraud warning, before it "
        "becomes a dispute",
        False,
    )
    own_card_form: bool = setting(
        Switch(),
        "a card that is not on file is given on your own page, in fields of Stripe's, and no longer on "
        "Stripe's page",
        False,
    )
    promotion_codes: bool = setting(
        Switch(),
        "Checkout, and your own page, ask for a promotion code of Stripe's. A code of 100 % gives a pack for "
        "nothing, and a plan for as many periods as the code lasts: one that lasts for ever, for ever",
        False,
    )
    automatic_tax: bool = setting(
        Switch(),
        "Stripe Tax works out the tax of whatever is paid: on Stripe's page, to which your own page then "
        "leads, by a saved card, by auto top-up, and of plans. A card on file is charged once its owner's "
        "address is known. [Taxes and invoices](../how-to/companies.md)",
        False,
    )
    invoices: bool = setting(
        Switch(),
        "each purchase has an invoice with a PDF, for a fee of Stripe's, by Checkout, by a saved card and by "
        "auto top-up; it names the customer's company, address and tax id",
        False,
    )

    currency: str = setting(
        Text("a currency of the price list"),
        "for what is sold in several currencies: the one for a customer who has chosen none and has no "
        "billing country yet. [Currencies](../cookbook/currencies.md)",
        "",
        shown="the first of the price list",
    )

    marks: str = setting(
        Place("Marks"),
        "where `tick` keeps each wallet's latest entry, outside of the books: `audit --against` then names "
        "what was lost. Empty is nowhere",
        "",
    )

    standby: str = setting(
        Text("a database's URL"),
        "a standby of the app's database, on PostgreSQL: `audit` reads there, and spares the primary. Empty "
        "is none",
        "",
    )

    proofs: str = setting(
        Place("Proofs"),
        "where `audit` keeps what it has proved, outside of the books: the next one plays only what came "
        "since, and `--full` all. Empty is nowhere, and each audit is full",
        "",
    )

    @property
    def bills_charges(self) -> bool:
        """Whether a card on file is charged by an invoice: only that can carry tax."""
        return self.invoices or self.automatic_tax

    @property
    def livemode(self) -> bool:
        return is_live(self.stripe_secret_key)


@cache
def names() -> Mapping[str, str]:
    """The field of each setting, by the setting's name without ``PREPAID_``."""
    return MappingProxyType({row.metadata["name"] or row.name.upper(): row.name for row in fields(Config)})


@cache
def kind_of(name: str) -> Kind:
    """The kind of a setting, by its name without ``PREPAID_``."""
    row = next(row for row in fields(Config) if row.name == names()[name])
    kind: Kind = row.metadata["kind"]
    return kind


def is_live(key: str) -> bool:
    """Whether real money moves by a key of Stripe's."""
    return key.partition("_")[2].startswith("live_")


def read(app: Flask) -> Config:
    """The settings of ``app``.

    :raises ConfigError: A setting is missing, wrong, or unknown.
    """
    written = app.config.get_namespace("PREPAID_", lowercase=False)
    _refuse_unknown(written)
    given = {name: value for name, value in written.items() if value not in (None, "")}
    _refuse_unread(given)
    key = given.get("STRIPE_SECRET_KEY")
    if key is None and (app.debug or app.testing):
        if "STRIPE_PUBLISHABLE_KEY" in given:
            raise ConfigError(
                "PREPAID_STRIPE_PUBLISHABLE_KEY is set, and PREPAID_STRIPE_SECRET_KEY is not. Set both, or "
                "neither: then the emulator's are taken."
            )
        given = {**EMULATED, **given}
    elif app.debug and not is_live(str(key)) and "STRIPE_WEBHOOK_SECRET" not in given:
        # `listen` fetches the events; what comes to the webhook is signed by nobody that we know.
        given["STRIPE_WEBHOOK_SECRET"] = f"whsec_{secrets.token_hex(16)}"
    for name in COMES_FROM:
        if name not in given:
            raise ConfigError(_missing(name, app))
    fields_by_name = names()
    values = {
        fields_by_name[name]: kind_of(name).read(f"PREPAID_{name}", value) for name, value in given.items()
    }
    base = values.get("api_base")
    stripe_js = f"{base}/js/stripe.js" if base else "https://js.stripe.com/endive/stripe.js"
    config = Config(**{"stripe_js_url": stripe_js, **values})
    _refuse_mixed(config)
    return config


def _refuse_unknown(written: Mapping[str, Any]) -> None:
    """Name a setting that nobody reads; it is one with a typing error."""
    for name in written:
        if name not in names():
            meant = checks.did_you_mean(name, names(), prefix="PREPAID_")
            raise ConfigError(
                f"There is no setting PREPAID_{name}. {meant or 'Take it away. '}"
                "The reference of settings has them all."
            )


def _refuse_unread(given: Mapping[str, Any]) -> None:
    """Name a setting that stands in the environment alone: somebody believes that it holds."""
    for name in names():
        if name in given:
            continue
        if os.environ.get(f"FLASK_PREPAID_{name}"):
            raise ConfigError(
                f"The environment's FLASK_PREPAID_{name} is not read: call app.config.from_prefixed_env() "
                "before Prepaid gets the app, or take it out of the environment."
            )
        if os.environ.get(f"PREPAID_{name}"):
            raise ConfigError(
                f"The environment's PREPAID_{name} is not read by itself: app.config.from_prefixed_env() "
                f"reads it as FLASK_PREPAID_{name}. Rename it, or put it into app.config."
            )


def _missing(name: str, app: Flask) -> str:
    """What to do about a setting that is not there."""
    if app.config.get(name):
        return f"PREPAID_{name} is not set, but {name} is. Name it PREPAID_{name}."
    return f"PREPAID_{name} is not set. {COMES_FROM[name]}"


def _refuse_mixed(config: Config) -> None:
    """Settings that are right by themselves and not together.

    :raises ConfigError: They do not go together.
    """
    if is_live(config.stripe_publishable_key) is not config.livemode:
        raise ConfigError(
            "PREPAID_STRIPE_SECRET_KEY and PREPAID_STRIPE_PUBLISHABLE_KEY are not of one mode: one is live, "
            "one for tests. Take both from the same page of Stripe's dashboard."
        )
    keys = {name: getattr(config, name.lower()) for name in ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY")}
    emulated = [name for name, key in keys.items() if key == EMULATED[name]]
    if len(emulated) == 1:
        raise ConfigError(
            f"PREPAID_{emulated[0]} is the emulator's key, and the other one is not. Take both from Stripe's "
            "dashboard, or leave both out."
        )
    if emulated and config.api_base is None:
        raise ConfigError(
            "PREPAID_STRIPE_SECRET_KEY is the emulator's key, and would be sent to Stripe. Say where the "
            f"emulator serves, PREPAID_STRIPE_API_BASE={EMULATOR_URL}, or take the keys of your account."
        )
    if config.local_webhooks and config.livemode:
        raise ConfigError(
            "PREPAID_LOCAL_WEBHOOKS lets customers send requests to this machine. Take it away where money "
            "is real."
        )
    host = urlsplit(config.api_base or "").hostname or "api.stripe.com"
    if config.livemode and host != "stripe.com" and not host.endswith(".stripe.com"):
        raise ConfigError(
            f"PREPAID_STRIPE_API_BASE sends a live key to {config.api_base}. Take that setting away."
        )
