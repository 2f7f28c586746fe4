"""What is for sale, what it is called on the pages, and the extension that sells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask
from markupsafe import Markup

from flask_prepaid import Keys, Pack, Plan, Prepaid, PriceTier, Quantity
from flask_prepaid.languages import formats
from flask_prepaid.languages.words import gettext, marked

from . import mails
from .callers import owner
from .edge import languages
from .extensions import db, prepaid
from .models import user_of
from .operators import callbacks
from .rate_limits.rates import ApiCalls

#: One credit costs what it cost in the article; many cost less each.
QUANTITY = Quantity((PriceTier(1, 100), PriceTier(50, 95), PriceTier(100, 90)))

#: A pack never costs more than the same number of credits bought freely.
PACKS = (
    Pack("starter", credits=10, amount_minor=1_000, name=marked("Starter")),
    Pack("regular", credits=60, amount_minor=5_400, name=marked("Regular")),
    Pack("bulk", credits=250, amount_minor=20_000, name=marked("Bulk")),
)

#: By the period a credit costs less than in any pack. The first is what most people want.
PLANS = (
    Plan("small", credits=20, amount_minor=1_500, name=marked("Small")),
    Plan(
        "medium",
        credits=60,
        amount_minor=4_200,
        name=marked("Medium"),
        trial_days=7,
        trial_credits=5,
        trial_needs_card=False,
    ),
    Plan(
        "large",
        credits=200,
        amount_minor=12_000,
        name=marked("Large"),
        trial_days=14,
        trial_credits=10,
        roll_over=100,
    ),
    Plan(
        "large-yearly",
        credits=2_400,
        amount_minor=120_000,
        interval="year",
        name=marked("Large, by the year"),
    ),
)

#: The pages' words for kinds of entries.
WORDS = {
    "spend": marked("Number drawn"),
    "grant": marked("Gift"),
    "reversal": marked("Given back"),
    "clawback": marked("Taken back"),
    "expiry": marked("Expired"),
    "purchase": marked("Purchase"),
    "allowance": marked("Credits of the plan"),
    "adjustment": marked("Adjustment"),
}

#: What a new customer may try for nothing.
WELCOME_CREDITS = 3


def init_app(app: Flask, *, clock: Callable[[], datetime], http_client: Any) -> None:
    extension = Prepaid(
        packs=PACKS,
        quantity=QUANTITY,
        plans=PLANS,
        clock=clock,
        owner=owner,
        operators=callbacks.CALLBACKS,
        email=email_of,
        mail=mails.send_from_outbox if app.config["PREPAID_BASE_URL"] else None,
        trial=is_new,
        language=languages.language_of,
        keys=Keys(prefix="rn_", calls=ApiCalls(app.config["API_RATE"])),
        http_client=http_client,
    )
    extension.init_app(app, db)
    app.jinja_env.globals["prepaid"] = extension
    app.jinja_env.filters.update(money=money, when=when, in_words=in_words)


def email_of(owner: str) -> str | None:
    """Where to write to the customer of a wallet; ``None`` if the account is closed."""
    user = user_of(owner)
    return user.email if user and user.closed_at is None else None


def welcome(owner: str) -> None:
    """Give a new customer the free credits, once."""
    prepaid.grant(owner, WELCOME_CREDITS, key="welcome", reason=marked("Welcome to Rando Number"))


def is_new(owner: str) -> bool:
    """Whether a customer may have a free trial: who had no free credits has been here before."""
    return bool(prepaid.entries(owner, 1, keys={"welcome"}))


def money(amount_minor: int, currency: str = "usd") -> str:
    """Write 123450 as ``$1,234.50``, by the reader's language. All that this shop sells is in US dollars."""
    assert currency == "usd", f"no price here is in {currency}"
    return formats.amount(amount_minor, currency)


def when(at: datetime) -> Markup:
    """Write a time in UTC as ``23 Nov 2026, 08:30``, with the exact time for programs."""
    html = '<time datetime="{:%Y-%m-%dT%H:%M:%SZ}"><span>{},</span> <span>{}</span></time>'
    return Markup(html).format(at, formats.short_day(at), formats.clock(at))


def in_words(word: str) -> str:
    """The words for a kind of entry: ``spend`` is ``Number drawn``."""
    return gettext(WORDS.get(word) or word.replace("_", " ").capitalize())
