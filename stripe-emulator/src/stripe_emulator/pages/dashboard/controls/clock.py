"""The clock: what time it is, what falls due next, and buttons to move it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.core import errors
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.database.settings import get_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, page
from stripe_emulator.pages.dashboard.frame.rows import customer_of, names_of

pages = blueprint("clock")

#: What falls due, in words. What is not here is named by its own words.
WHAT = {
    "balance.available": "Money becomes available",
    "charge.updated": "A charge gets its balance transaction",
    "checkout.session.expire": "A Checkout Session expires",
    "dispute.overdue": "The time for evidence is over",
    "invoice.advance": "A draft invoice is finalized and collected",
    "invoice.retry": "A failed invoice is tried again",
    "invoice.overdue": "An invoice is overdue",
    "invoice.long_overdue": "An overdue invoice is given up",
    "invoice_payment.paid": "An invoice's payment is told",
    "payment_intent.bank_answers": "A bank answers a debit",
    "payment_intent.capture_expires": "An authorization expires",
    "payout.paid": "A payout arrives",
    "refund.succeeds": "A refund arrives",
    "refund.fails": "A refund bounces",
    "subscription.renew": "A subscription renews",
    "subscription.cancel": "A subscription ends",
    "subscription.trial_will_end": "A trial ends in three days",
    "subscription.upcoming": "A renewal is announced",
    "subscription.expire": "An unpaid subscription expires",
}


@pages.get("/clock")
def show() -> ResponseReturnValue:
    """What time it is, buttons to move it, and what falls due next."""
    return _page({})


@pages.post("/clock")
def move() -> ResponseReturnValue:
    """By a button's step, to a moment, or to the next thing that falls due."""
    form = request.form
    back = form.get("back", "/clock")
    with storage().transaction(write=False):
        now, upcoming = clock.now(), coming(limit=1)
    if form.get("by") == "next" and not upcoming:
        return done("/clock", "nothing-due")
    steps = {
        "next": max(now, upcoming[0]["at"]) if upcoming else now,
        "hour": now + 3600,
        "day": now + clock.DAY,
        "month": clock.add_months(now, 1),
        "year": clock.add_months(now, 12),
    }
    to = steps.get(form.get("by", "")) or _moment(form.get("to", ""))
    if to is None:
        return _page({}, "Say to when, as a date and a time."), 422
    try:
        controls.advance(storage(), to=to)
    except InvalidRequest:
        return _page(form, "The clock goes forward only, and not past the year 2200."), 422
    return done(back if back.startswith("/objects/") else "/clock", "advanced")


def coming(*, limit: int, object_id: str | None = None) -> list[Json]:
    """What falls due next, soonest first: ``at``, ``what`` in words, ``object``, and ``whose`` that is.

    :param object_id: Only what happens to this object.
    """
    rows = transactions.current().execute(
        "SELECT at, what, object FROM due WHERE clock IS NULL AND object = coalesce(?, object)"
        " ORDER BY at, seq LIMIT ?",
        (object_id, limit),
    )
    return [
        {"at": at, "what": in_words(what), "object": thing, "whose": whose(thing)} for at, what, thing in rows
    ]


def whose(object_id: str) -> str:
    """What the customer is called whom an object names; empty where it names nobody."""
    customer = customer_of(store.find_any(object_id) or {})
    return names_of([customer])[customer] if customer else ""


def in_words(what: str) -> str:
    """The name of due work as a sentence."""
    words = what.replace(".", " ").replace("_", " ")
    return WHAT.get(what, words[0].upper() + words[1:])


def span(seconds: int) -> str:
    """A stretch of time in its largest unit: "12 days"; nothing below a minute."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return ""


def _page(typed: Mapping[str, Any], error: str = "") -> str:
    """The clock, and the form as it was typed if something is wrong with it."""
    with storage().transaction(write=False):
        values = {
            "coming": coming(limit=12),
            "failed": [
                work | {"what": in_words(work["what"]), "error": _sentence(work["error"])}
                for work in due_work.failed_work()[::-1]
            ],
            "ahead": span(get_setting("offset", 0)),
            "clocks": store.select("test_helpers.test_clock"),
        }
    return page("clock", **values, typed=typed, error=error)


def _sentence(error: str) -> str:
    """Why due work failed: Stripe's own words, or that it is a fault of the emulator's."""
    name, _, message = error.partition(": ")
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.StripeError):
        return message
    return f"The emulator has a bug, please report it: {error}."


def _moment(text: str) -> int | None:
    """A ``datetime-local`` field as Unix time, UTC; None if it is none."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
