"""The hosted Checkout page: a plain form that works without JavaScript."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator import cards, checkout, store
from stripe_emulator.errors import CardError, InvalidRequest, NotFound
from stripe_emulator.pages import describe, elements_session
from stripe_emulator.pages.account import keeper
from stripe_emulator.resources import payment_methods
from stripe_emulator.store import Json

pages = Blueprint("checkout", __name__, template_folder="templates")

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/\-. ]?\s*(\d{2}|\d{4})\s*")


@dataclass
class Refusal(Exception):
    """What to tell the customer, and at which field."""

    field: str
    message: str


@pages.get("/pay/<session_id>")
def show(session_id: str) -> ResponseReturnValue:
    """The form, or why there is none any more."""
    with keeper().transaction(write=False):
        return _page(_session(session_id))


@pages.post("/pay/<session_id>")
def pay(session_id: str) -> ResponseReturnValue:
    """Pay: on to the shop, on to the bank, or back to the form with the reason."""
    with keeper().transaction():
        session = _session(session_id)
        if session["status"] != "open":
            return _page(session)
        try:
            checkout.pay(session, _payer(session))
        except Refusal as refusal:
            return _page(session, refusal, 422)
        except CardError as error:
            return _page(session, Refusal("card_number", error.message), 402)
        bank = checkout.waits_for_bank(session)
        return redirect(bank, 303) if bank else _landed(session)


@pages.get("/pay/<session_id>/back")
def back(session_id: str) -> ResponseReturnValue:
    """Back from the bank: paid, or the form once more."""
    with keeper().transaction(write=False):
        session = _session(session_id)
        if session["status"] == "complete":
            return _landed(session)
        intent = checkout.intent_of(session) or {}
        error = intent.get("last_payment_error") or intent.get("last_setup_error")
        return _page(session, Refusal("card_number", error["message"]) if error else None)


def _session(session_id: str) -> Json:
    session = store.find(checkout.KIND, session_id)
    if session is None:
        raise NotFound(f"No such checkout session: '{session_id}'", code="resource_missing", param="session")
    return session


def _page(session: Json, refusal: Refusal | None = None, status: int = 200) -> ResponseReturnValue:
    if session["status"] != "open":
        status = 200 if session["status"] == "complete" else 410
        return render_template(
            "hosted/closed.html", session=session, landing=checkout.landing(session)
        ), status
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    options = session["saved_payment_method_options"] or {}
    page = render_template(
        "hosted/checkout.html",
        session=session,
        lines=session["_lines"],
        trial=_trial(session),
        email=session["customer_email"] or (customer or {}).get("email"),
        saved=elements_session.saved_cards(session),
        can_keep=session["mode"] == "payment" and options.get("payment_method_save") == "enabled",
        refusal=refusal,
        typed={} if refusal is None else request.form,
    )
    return page, status


def _landed(session: Json) -> ResponseReturnValue:
    """Paid: on to the shop, or, in a frame on the shop's page, word to that page."""
    landing = checkout.landing(session)
    if session["ui_mode"] == "embedded_page":
        leaves = session["redirect_on_completion"] not in ("if_required", "never")
        return render_template("hosted/done.html", what="page", landing=landing if leaves else "")
    return redirect(landing, 303)


def _trial(session: Json) -> str:
    """What a trial promises: "14 days free"; empty without one."""
    data = session["_subscription_data"] or {}
    days = data.get("trial_period_days")
    if days:
        return f"{days} days free" if days > 1 else "1 day free"
    return f"Free until {describe.day(data['trial_end'])}" if data.get("trial_end") else ""


def _payer(session: Json) -> checkout.Payer:
    """Who pays, read from the form.

    :raises Refusal: Something in it can't be right.
    """
    form = request.form
    email = form.get("email", "").strip()
    if (
        not session["customer"]
        and not session["customer_email"]
        and not re.fullmatch(r"[^\s@]+@[^\s@]+", email)
    ):
        raise Refusal("email", "Enter an email address, such as jenny@example.com.")
    keep = "save_card" in form
    saved = {method["id"]: method for method in elements_session.saved_cards(session)}
    if form.get("saved_card") in saved and not form.get("card_number"):
        return checkout.Payer(saved[form["saved_card"]], email or None, None, keep)
    return checkout.Payer(_typed_card(email), email or None, form.get("name", "").strip() or None, keep)


def _typed_card(email: str) -> Json:
    form = request.form
    try:
        card = cards.numbered(form.get("card_number", ""))
    except InvalidRequest:
        raise Refusal(
            "card_number", "This is not a card number. In test mode, try 4242 4242 4242 4242."
        ) from None
    expiry = _EXPIRY.fullmatch(form.get("card_expiry", ""))
    if expiry is None:
        raise Refusal("card_expiry", "Enter the expiry date as month and year, such as 12/34.")
    year = int(expiry[2]) + (2000 if len(expiry[2]) == 2 else 0)
    if not re.fullmatch(r"\s*\d{3,4}\s*", form.get("card_cvc", "")):
        raise Refusal("card_cvc", "Enter the three or four digits of the security code.")
    details = {"email": email or None, "name": form.get("name", "").strip() or None}
    try:
        return payment_methods.new_card(
            card, exp_month=int(expiry[1]), exp_year=year, form={"billing_details": details}
        )
    except CardError:
        raise Refusal("card_expiry", "This expiry date is in the past, or is no date.") from None
