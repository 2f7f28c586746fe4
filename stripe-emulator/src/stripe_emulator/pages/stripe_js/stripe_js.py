"""stripe.js and what it calls: the Payment Element's frame, and a Checkout Session for one's own page.

The calls are stripe.js' own and not part of Stripe's API. They come from any origin, as forms
with a publishable key and the session's client secret, so that no preflight is needed.
"""

from __future__ import annotations

import hmac
import json
import re
from pathlib import Path

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.api import keys
from stripe_emulator.checkout.completion import completion, session_intents, session_urls
from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.lines import session_discounts, shipping
from stripe_emulator.checkout.sessions import paying, session_changes
from stripe_emulator.checkout.sessions.payer_questions import asks_card
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest, StripeError, Unauthenticated
from stripe_emulator.core.ids import new
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.stripe_js import stripe_js_session
from stripe_emulator.payments.methods import payment_methods

pages = Blueprint("stripe_js", __name__, static_folder="../static/js", static_url_path="/js")

#: What stripe.js is made of, in this order. A page loads it as one plain script, which has to have defined
#: ``Stripe`` once it has run, so its parts can't be modules: they are joined here, in one scope.
PARTS = ("base", "element", "intents", "elements", "checkout", "stripe")
_HEAD = """\
// stripe-emulator's stand-in for Stripe.js: what a page with elements uses today.
//
// Card numbers are typed into a frame of the emulator's own origin and go from there to its API;
// this script, which runs in the host's page, sees only the id of the payment method.
// What is not here throws by name when it is called. https://docs.stripe.com/js

(() => {
"use strict";
"""


@pages.get("/js/stripe.js")
def script() -> Response:
    """The script that a shop's page loads."""
    folder = Path(pages.static_folder or "") / "stripe"
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in PARTS]
    return Response("\n".join([_HEAD, *parts, "})();\n"]), mimetype="text/javascript")


@pages.get("/js/elements/payment")
@pages.get("/js/elements/card")
def payment_element() -> ResponseReturnValue:
    """The Payment Element, or a card's: fields for a card, in a frame of the emulator's origin."""
    return render_template("hosted/element.html")


@pages.get("/js/elements/<any(linkAuthentication, address, expressCheckout):kind>")
def other_element(kind: str) -> ResponseReturnValue:
    """An email, an address, or the button of a stand-in wallet, in a frame of the emulator's origin."""
    return render_template("hosted/other_element.html", kind=kind)


@pages.get("/js/sessions/<session_id>")
def show(session_id: str) -> ResponseReturnValue:
    """The session as ``getSession`` gives it; after a challenge that failed, why it did."""
    with storage().transaction(write=False):
        session = _session(session_id)
        intent = session_intents.intent_of(session) or {}
        error = intent.get("last_payment_error") or intent.get("last_setup_error")
        if "after_challenge" in request.args and session["status"] == "open" and error:
            return jsonify({"error": error, "session": stripe_js_session.shown(session)})
        return _shown(session)


@pages.post("/js/sessions/<session_id>")
def update(session_id: str) -> ResponseReturnValue:
    """One of the actions: an email, a quantity, a promotion code."""
    form = request.form
    with storage().transaction():
        session = _session(session_id)
        session_changes.must_be_open(session, "update")
        if "email" in form:
            _set_email(session, form["email"].strip())
        if "line_item" in form:
            session_changes.adjust(session, form["line_item"], form.get("quantity", ""))
        if "promotion_code" in form:
            _enter_code(session, form["promotion_code"])
        if "shipping_option" in form:
            session_changes.ship_by(session, form["shipping_option"])
        if "shipping_address" in form:
            _set_shipping(session, form["shipping_address"])
        return _shown(session)


@pages.post("/js/sessions/<session_id>/confirm")
def confirm(session_id: str) -> ResponseReturnValue:
    """Pay with a payment method that the Payment Element made, or with a saved one."""
    form = request.form
    with storage().transaction():
        session = _session(session_id)
        if form.get("email"):
            _set_email(session, form["email"].strip())
        try:
            paying.pay(session, _payer(session))
        except CardError as refused:
            return jsonify({**refused.envelope(new("request")), "session": stripe_js_session.shown(session)})
        return _shown(session)


@pages.after_request
def for_any_page(response: Response) -> Response:
    """Any host's page may load the script and call what it calls; nothing here goes by cookies."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@pages.errorhandler(StripeError)
def refused(error: StripeError) -> ResponseReturnValue:
    """In Stripe's envelope."""
    return jsonify(error.envelope(new("request"))), error.status


def _session(session_id: str) -> Json:
    """The session, for whoever holds a publishable key and its client secret.

    :raises Unauthenticated: One of them is missing or does not fit.
    """
    keys.given("", {"key": request.values.get("key", "")})
    session = store.get(completion.KIND, session_id, param="session")
    secret = session["client_secret"] or ""
    if not secret or not hmac.compare_digest(
        secret.encode(), request.values.get("client_secret", "").encode()
    ):
        raise Unauthenticated("The client_secret provided does not match this Checkout Session.")
    return session


def _shown(session: Json) -> Response:
    bank = session_intents.waits_for_bank(session) if session["status"] == "open" else None
    landing = session_urls.landing(session)
    shown = stripe_js_session.shown(session)
    return jsonify({"session": shown, "challenge": bank, "free": not asks_card(session), "landing": landing})


def _payer(session: Json) -> Payer:
    form, email = request.form, session.get("_email")
    if not asks_card(session):
        return Payer({}, email)
    method = payment_methods.named(form.get("payment_method", ""), "payment_method")
    details = method["billing_details"]
    sent_to = (session["collected_information"] or {}).get("shipping_details") or {}
    return Payer(
        method,
        email,
        details["name"] or sent_to.get("name"),
        form.get("save") == "true",
        address=details["address"] if any((details["address"] or {}).values()) else None,
        shipping=sent_to.get("address"),
    )


def _set_email(session: Json, email: str) -> None:
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    if session["customer_email"] or (customer or {}).get("email"):
        raise InvalidRequest(
            "This session's email is set by the shop and can't be changed here.", param="email"
        )
    if email and not re.fullmatch(r"[^\s@]+@[^\s@]+", email):
        raise InvalidRequest(
            "Your email is invalid.", code="email_invalid", param="email", reason="invalidEmail"
        )
    objects.change(session, _email=email or None)


def _set_shipping(session: Json, text: str) -> None:
    """Where the goods are sent to: ``{name, address}`` as the page gives it, or null.

    :raises InvalidRequest: It is neither, or nothing is shipped there.
    """
    try:
        typed = json.loads(text) or {}
        lines, name = typed.get("address") or {}, typed.get("name")
        lines = {part: line for part, line in lines.items() if isinstance(line, str)}
    except (ValueError, AttributeError):
        raise InvalidRequest("The shipping address is an object.", param="shipping_address") from None
    details = shipping.address(session, name if isinstance(name, str) else None, lines) if typed else None
    collected = (session["collected_information"] or {}) | {"shipping_details": details}
    objects.change(session, collected_information=collected)


def _enter_code(session: Json, code: str) -> None:
    try:
        session_discounts.enter_code(session, code)
    except InvalidRequest as refused:
        refused.extra["reason"] = "invalidCode"
        raise
    session_intents.sync_intent(session)
