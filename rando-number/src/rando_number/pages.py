"""The home page with the card that sells a number, the customer's profile, and how to call the API."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from flask_prepaid import InsufficientCredits

from .callers import caller_of, customer, owner
from .errors import ApiError
from .models import prepaid
from .numbers import Ask, is_key, new_id, sell
from .usage import totals

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    return show()


@blueprint.get("/docs/api")
def api_docs() -> ResponseReturnValue:
    """How to call the API, with code that works as it stands."""
    return render_template("docs/api.html")


@blueprint.get("/number")
def number() -> ResponseReturnValue:
    """Where a sign-in on the way to a number comes back to."""
    return redirect(url_for("pages.home"))


@blueprint.post("/number")
@auth_required("session")
def draw() -> ResponseReturnValue:
    """Sell one number and show it. A reload, or a second click, shows the same one again."""
    once = request.form.get("once", "")
    try:
        drawn = sell(caller_of(customer()), Ask(), idempotency_key=once if is_key(once) else None)
    except InsufficientCredits:
        return show(refused=True), 402
    except ApiError as limit:
        flash(limit.message, "warning")
        return show(), limit.status
    return show(drawn.values[0])


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
        entries=prepaid.entries(user.owner, limit=10),
        payments=user.purchases,
    )


def show(number: int | None = None, *, refused: bool = False) -> str:
    """The home page, with the number that was just drawn or the reason why there is none."""
    wallet = owner()
    balance = None if wallet is None else prepaid.balance(wallet)
    (sample,) = Ask().draw()  # what the example of the API answers; nobody pays for it
    return render_template(
        "home.html", number=number, balance=balance, refused=refused, once=new_id(), sample=sample
    )
