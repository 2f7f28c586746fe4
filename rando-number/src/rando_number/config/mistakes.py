"""What is refused before any setting is read, in sentences that each name the setting and the cure."""

from __future__ import annotations

from collections.abc import Mapping

from . import stripe, web
from .production import unsafe
from .values import is_address

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


def mistakes_in(environ: Mapping[str, str]) -> list[str]:
    """What is wrong about these settings. What Stripe's keys lack is named where nothing else is wrong."""
    wrong = misnamed(environ) + without_effect(environ)
    kind = environ.get("RANDO_ENV") or "development"
    if kind not in ("production", "development"):
        wrong.append(f"RANDO_ENV must be production or development, not {kind!r}.")
    base_url = web.base_url(environ)
    if kind == "production":
        wrong += unsafe(environ)
    elif base_url and not is_address(base_url, {"http", "https"}):
        wrong.append(
            "RANDO_BASE_URL must be an address such as https://shop.example: a scheme and a host, and no "
            "user, password or path."
        )
    return wrong or stripe.missing(environ)


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
