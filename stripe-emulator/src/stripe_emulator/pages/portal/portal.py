"""The customer portal: one's plan, cards and invoices, for whoever came in by a session's link."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.billing.invoices import collection
from stripe_emulator.billing.lifecycle import endings, states
from stripe_emulator.billing.portal.billing_portal import CONFIGURATION
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest, StripeError
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import card_form, problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.common.card_form import Refusal
from stripe_emulator.pages.portal import portal_flow, portal_session
from stripe_emulator.payments.confirming import challenges, setup_confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation
from stripe_emulator.payments.customers import customers
from stripe_emulator.payments.intents import setup_intents
from stripe_emulator.payments.methods import payment_methods

pages = Blueprint("portal", __name__)
pages.register_error_handler(StripeError, problem.page)


NOTICES = {
    "canceled": "Your plan has been canceled.",
    "ends": "Your plan ends with the period that is paid. Until then nothing changes.",
    "resumed": "Your plan goes on.",
    "default": "This card pays from now on.",
    "added": "The card has been added.",
    "removed": "The card has been removed.",
    "saved": "Your details have been saved.",
    "updated": "Your plan has been changed.",
    "kept": "Your plan goes on, with the discount.",
}


@pages.get("/portal/<session_id>")
def show(session_id: str) -> ResponseReturnValue:
    """Plan, cards, invoices and details, as far as the configuration offers them."""
    with storage().transaction(write=False):
        session = portal_session.find(session_id)
        flow = portal_flow.page_of(session)
        if flow is not None:
            return redirect(flow, 303)
        refusal = None
        intent = store.find("setup_intent", request.args.get("setup_intent", ""))
        if intent and intent["customer"] == session["customer"] and intent["last_setup_error"]:
            refusal = Refusal({"card_number": intent["last_setup_error"]["message"]})
        return _page(session, refusal)


@pages.post("/portal/<session_id>/plan/<subscription_id>")
def change_plan(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """Cancel now or at the period's end, as configured; or go on after all."""
    with storage().transaction():
        session = portal_session.find(session_id, "subscription_cancel")
        subscription = portal_session.own("subscription", subscription_id, session)
        feature = portal_session.features(session)["subscription_cancel"]
        if request.form.get("do") == "resume":
            portal_session.update(subscription, {"cancel_at_period_end": False})
            return _done(session, "resumed")
        if feature["mode"] == "immediately":
            prorate = feature["proration_behavior"] != "none"
            endings.cancel(states.alive(subscription["id"]), {"prorate": prorate})
            return _done(session, "canceled")
        portal_session.update(subscription, {"cancel_at_period_end": True})
        return _done(session, "ends")


@pages.post("/portal/<session_id>/cards")
def add_card(session_id: str) -> ResponseReturnValue:
    """Save a card through a setup intent; its bank may ask first."""
    with storage().transaction():
        session = portal_session.find(session_id, "payment_method_update")
        intent = setup_intents.new({"customer": session["customer"], "usage": "off_session"})
        back = f"{storage().base_url}/portal/{session_id}?done=added"
        try:
            setup_confirmation.confirm(intent, Confirmation(card_form.read(request.form), return_url=back))
        except Refusal as refusal:
            return _page(session, refusal, 422)
        except CardError as error:
            return _page(session, Refusal({"card_number": error.message}), 402)
        if intent["status"] == "requires_action":
            return redirect(challenges.url(intent), 303)
        return _done(session, "added")


@pages.post("/portal/<session_id>/cards/<method_id>")
def change_card(session_id: str, method_id: str) -> ResponseReturnValue:
    """Make a card the one that pays, or take it away."""
    with storage().transaction():
        session = portal_session.find(session_id, "payment_method_update")
        method = portal_session.own("payment_method", method_id, session)
        if request.form.get("do") == "remove":
            if method["id"] == _paying(session):
                refusal = Refusal({"card": "This card pays for your plan. Choose another one for it first."})
                return _page(session, refusal, 422)
            payment_methods.detach_from(method)
            return _done(session, "removed")
        portal_session.make_default(method, session)
        return _done(session, "default")


@pages.post("/portal/<session_id>/details")
def change_details(session_id: str) -> ResponseReturnValue:
    """The customer's email."""
    with storage().transaction():
        session = portal_session.find(session_id, "customer_update")
        try:
            customer = customers.alive(session["customer"])
            customers.change(customer, {"email": request.form.get("email", "").strip()})
        except InvalidRequest:
            return _page(
                session, Refusal({"email": "Enter an email address, such as jenny@example.com."}), 422
            )
        return _done(session, "saved")


def _paying(session: Json) -> str | None:
    """The id of the card that pays for the customer's plan, or would pay for one."""
    customer = store.get("customer", session["customer"])
    method = collection.default_method(next(iter(portal_session.subscriptions(session)), None), customer)
    return method["id"] if method else None


def _done(session: Json, word: str) -> ResponseReturnValue:
    return redirect(f"/portal/{session['id']}?done={word}", 303)


def _page(session: Json, refusal: Refusal | None = None, status: int = 200) -> ResponseReturnValue:
    customer = store.get("customer", session["customer"])
    invoices = store.select("invoice", {"customer": customer["id"]})[::-1]
    page = render_template(
        "hosted/portal.html",
        session=session,
        features=portal_session.features(session),
        headline=store.get(CONFIGURATION, session["configuration"])["business_profile"]["headline"],
        customer=customer,
        subscriptions=[
            portal_session.shown(subscription) for subscription in portal_session.subscriptions(session)
        ],
        cards=store.select("payment_method", {"customer": customer["id"]})[::-1],
        paying=_paying(session),
        invoices=[invoice for invoice in invoices if invoice["status"] != "draft"][:24],
        refusal=refusal,
        typed={} if refusal is None else request.form,
        notice="" if refusal else NOTICES.get(request.args.get("done", ""), ""),
    )
    return page, status
