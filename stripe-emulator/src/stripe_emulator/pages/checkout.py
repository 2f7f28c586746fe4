"""The hosted Checkout page: a plain form that works without JavaScript."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator import cards, checkout, store
from stripe_emulator.errors import CardError, InvalidRequest, NotFound
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
        return redirect(checkout.waits_for_bank(session) or checkout.landing(session), 303)


@pages.get("/pay/<session_id>/back")
def back(session_id: str) -> ResponseReturnValue:
    """Back from the bank: paid, or the form once more."""
    with keeper().transaction(write=False):
        session = _session(session_id)
        if session["status"] == "complete":
            return redirect(checkout.landing(session), 303)
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
        return render_template("closed.html", session=session, landing=checkout.landing(session)), status
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    page = render_template(
        "checkout.html",
        session=session,
        lines=session["_lines"],
        email=session["customer_email"] or (customer or {}).get("email"),
        saved=_saved_cards(session),
        refusal=refusal,
        typed={} if refusal is None else request.form,
    )
    return page, status


def _saved_cards(session: Json) -> list[Json]:
    if session["customer"] is None or session["mode"] == "setup":
        return []
    shown = (session["saved_payment_method_options"] or {}).get("allow_redisplay_filters") or ["always"]
    return store.select("payment_method", {"customer": session["customer"], "allow_redisplay": shown})[::-1]


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
    saved = {method["id"]: method for method in _saved_cards(session)}
    if form.get("saved_card") in saved:
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
