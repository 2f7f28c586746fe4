"""The home page with the card that sells a number, the customer's profile, and how to call the API."""

from __future__ import annotations

import re
import secrets

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from flask_prepaid import WEBHOOK_EVENTS, BudgetExceeded, InsufficientCredits
from flask_prepaid.errors import IdempotencyConflict
from flask_prepaid.languages.words import gettext as _

from .callers import caller_of, customer, owner
from .errors import limit_reached
from .extensions import prepaid
from .numbers import NUMBER, Ask
from .usage import totals

blueprint = Blueprint("pages", __name__)

#: The token of a form, by which it draws one number however often it is sent.
ONCE = re.compile("[0-9a-f]{32}")

#: How many entries the profile shows, and how many purchases. Pages of their own have all of them.
LATEST = 3


@blueprint.get("/")
def home() -> ResponseReturnValue:
    return show()


@blueprint.get("/docs/api")
def api_docs() -> ResponseReturnValue:
    """How to call the API and hear of events, with code that works as it stands."""
    return render_template("docs/api.html", events=WEBHOOK_EVENTS)


@blueprint.get("/number")
def number() -> ResponseReturnValue:
    """Where a sign-in on the way to a number comes back to."""
    return redirect(url_for("pages.home"))


@blueprint.post("/number")
@auth_required("session")
def draw() -> ResponseReturnValue:
    """Sell one number and show it. A reload, or a second click, shows the same one again."""
    once = ONCE.fullmatch(request.form.get("once", ""))
    try:
        sold = prepaid.sell(NUMBER, Ask(), caller=caller_of(customer()), idempotency_key=once and once[0])
    except InsufficientCredits:
        return show(refused=True), 402
    except (BudgetExceeded, IdempotencyConflict) as refused:
        flash(
            limit_reached(refused)[1] if isinstance(refused, BudgetExceeded) else _(str(refused)), "warning"
        )
        return show(), refused.http_status
    return show(sold.row["values"][0])


@blueprint.get("/user-profile")
@auth_required("session")
def user_profile() -> ResponseReturnValue:
    """Balance, what it is worth and how long it lasts, recent entries, purchases."""
    user = customer()
    wallet = prepaid.wallet(user.owner)
    return render_template(
        "user_profile.html",
        wallet=wallet,
        days=totals.lasts_days(user.id, wallet.available, prepaid.clock().date()),
        entries=prepaid.entries(user.owner, limit=LATEST),
        payments=user.purchases[:LATEST],
    )


def show(number: int | None = None, *, refused: bool = False) -> str:
    """The home page, with the number that was just drawn or the reason why there is none."""
    wallet = owner()
    balance = None if wallet is None else prepaid.balance(wallet)
    (sample,) = Ask().draw()  # what the example of the API answers; nobody pays for it
    return render_template(
        "home.html",
        number=number,
        balance=balance,
        refused=refused,
        once=secrets.token_hex(16),
        sample=sample,
    )
