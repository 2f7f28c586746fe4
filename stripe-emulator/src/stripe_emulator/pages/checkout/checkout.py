"""The hosted Checkout page: a plain form that works without JavaScript."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.catalog import currency_options, pricing
from stripe_emulator.checkout.completion import completion, session_intents, session_urls
from stripe_emulator.checkout.lines import session_discounts, shipping
from stripe_emulator.checkout.sessions import (
    custom_fields,
    optional_items,
    payer_questions,
    paying,
    payment_links,
    session_changes,
)
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest, NotFound, StripeError, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.pages.checkout import checkout_form, countries
from stripe_emulator.pages.common import card_form, describe, problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.common.card_form import Refusal
from stripe_emulator.pages.stripe_js import stripe_js_session
from stripe_emulator.payments.customers import tax_id_formats

pages = Blueprint("checkout", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/pay/<session_id>")
def show(session_id: str) -> ResponseReturnValue:
    """The form, or why there is none any more."""
    with storage().transaction(write=False):
        return _page(_session(session_id))


@pages.post("/pay/<session_id>")
def pay(session_id: str) -> ResponseReturnValue:
    """Pay: on to the shop, on to the bank, or back to the form with the reason."""
    with storage().transaction():
        session = _session(session_id)
        if session["status"] != "open":
            return _page(session)
        try:
            paying.pay(session, checkout_form.payer(session))
        except Refusal as refusal:
            return _page(session, refusal, 422)
        except CardError as error:
            return _page(session, Refusal({card_form.chosen(request.form): error.message}), 402)
        except InvalidRequest as error:
            return _page(session, Refusal({error.param or "": error.message}), 422)
        bank = session_intents.waits_for_bank(session)
        return redirect(bank, 303) if bank else _landed(session)


@pages.post("/pay/<session_id>/promotion")
def promote(session_id: str) -> ResponseReturnValue:
    """Apply the promotion code that was typed, or say why not; an empty field takes it away."""
    with storage().transaction():
        session = _session(session_id)
        if session["status"] != "open":
            return _page(session)
        try:
            session_discounts.enter_code(session, request.form.get("promotion_code", ""))
        except InvalidRequest as error:
            return _page(session, Refusal({"promotion_code": error.message}), 422)
        session_intents.sync_intent(session)
        return redirect(f"/pay/{session_id}", 303)


@pages.post("/pay/<session_id>/quantity")
def adjust(session_id: str) -> ResponseReturnValue:
    """Another quantity of a line that the shop lets the customer choose."""
    with storage().transaction():
        session = _session(session_id)
        if session["status"] != "open":
            return _page(session)
        try:
            session_changes.adjust(session, request.form.get("line", ""), request.form.get("quantity", ""))
        except InvalidRequest as error:
            return _page(session, Refusal({"quantity": error.message}), 422)
        return redirect(f"/pay/{session_id}", 303)


@pages.post("/pay/<session_id>/optional")
def choose_optional(session_id: str) -> ResponseReturnValue:
    """Add one of the items that the shop offers, or take it out again."""
    with storage().transaction():
        session = _session(session_id)
        if session["status"] != "open":
            return _page(session)
        change = optional_items.remove if "remove" in request.form else optional_items.add
        try:
            change(session, request.form.get("price", ""))
        except InvalidRequest as error:
            return _page(session, Refusal({"optional_item": error.message}), 422)
        return redirect(f"/pay/{session_id}", 303)


@pages.post("/pay/<session_id>/shipping")
def ship(session_id: str) -> ResponseReturnValue:
    """Another way of shipping, of those that the shop offers."""
    with storage().transaction():
        session = _session(session_id)
        if session["status"] != "open":
            return _page(session)
        try:
            session_changes.ship_by(session, request.form.get("shipping_rate", ""))
        except InvalidRequest as error:
            return _page(session, Refusal({"shipping_rate": error.message}), 422)
        return redirect(f"/pay/{session_id}", 303)


@pages.get("/pay/<session_id>/back")
def back(session_id: str) -> ResponseReturnValue:
    """Back from the bank: paid, or the form once more."""
    with storage().transaction(write=False):
        session = _session(session_id)
        if session["status"] == "complete":
            return _landed(session)
        intent = session_intents.intent_of(session) or {}
        error = intent.get("last_payment_error") or intent.get("last_setup_error")
        return _page(session, Refusal({"card_number": error["message"]}) if error else None)


def _session(session_id: str) -> Json:
    session = store.find(completion.KIND, session_id)
    if session is None:
        raise NotFound(no_such(completion.KIND, session_id), code="resource_missing", param="session")
    return session


def _page(session: Json, refusal: Refusal | None = None, status: int = 200) -> ResponseReturnValue:
    if session["status"] != "open":
        status = 200 if session["status"] == "complete" else 410
        link = payment_links.of_session(session)
        thanks = link["after_completion"].get("hosted_confirmation") if link else None
        landing = "" if thanks else session_urls.landing(session)
        return render_template("hosted/closed.html", session=session, landing=landing, thanks=thanks), status
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    options = session["saved_payment_method_options"] or {}
    page = render_template(
        "hosted/checkout.html",
        session=session,
        lines=session["_lines"],
        only=_only_line(session),
        about=_about(session["_lines"]),
        trial=_trial(session),
        then=_after_trial(session),
        every=_every(session),
        promotion=session_discounts.named(session),
        asks_card=payer_questions.asks_card(session),
        email=session["customer_email"] or (customer or {}).get("email") or session.get("_email"),
        saved=stripe_js_session.saved_cards(session),
        asks_terms=payer_questions.asks_terms(session),
        asks_phone=payer_questions.asks_phone(session),
        address_parts=payer_questions.address_parts(session),
        needs_address=payer_questions.needs_address(session),
        countries=[("", "Choose"), *countries.choices(countries.CODES)],
        ships_to=countries.choices(shipping.countries(session)),
        country=countries.of_the_reader(),
        asks_tax_id=payer_questions.asks_tax_id(session),
        tax_id_types=tax_id_formats.KINDS,
        custom_fields=custom_fields.asked(session),
        ways=_ways(session),
        optional=optional_items.shown_on_page(session),
        added={item["price"] for item in session.get("optional_items") or []},
        words={key: (text or {}).get("message") for key, text in (session["custom_text"] or {}).items()},
        can_keep=session["mode"] == "payment" and options.get("payment_method_save") == "enabled",
        refusal=refusal,
        typed={} if refusal is None else request.form,
    )
    return page, status


def _landed(session: Json) -> ResponseReturnValue:
    """Paid: on to the shop, or, in a frame on the shop's page, word to that page."""
    landing = session_urls.landing(session)
    if session["ui_mode"] == "embedded_page":
        leaves = session["redirect_on_completion"] not in ("if_required", "never")
        return render_template("hosted/done.html", what="page", landing=landing if leaves else "")
    return redirect(landing, 303)


def _only_line(session: Json) -> Json | None:
    """The one thing that is bought, once and for the sum at the top; ``None`` where a list says more."""
    lines, added = session["_lines"], session.get("optional_items")
    is_plain = session["amount_subtotal"] == session["amount_total"] and not session["shipping_cost"]
    if len(lines) != 1 or not is_plain or added or session["total_details"]["amount_tax"]:
        return None
    can_change = (lines[0].get("adjustable_quantity") or {}).get("enabled")
    return lines[0] if lines[0]["quantity"] == 1 and not can_change else None


def _about(lines: list[Json]) -> dict[str, str]:
    """What the shop says of each product, by its id."""
    products = [store.find("product", line["price"]["product"]) for line in lines]
    return {product["id"]: product["description"] or "" for product in products if product}


def _trial(session: Json) -> str:
    """What a trial promises: "14 days free"; empty without one."""
    data = session["_subscription_data"] or {}
    days = data.get("trial_period_days")
    if days:
        return f"{days} days free" if days > 1 else "1 day free"
    return f"Free until {describe.day(data['trial_end'])}" if data.get("trial_end") else ""


def _after_trial(session: Json) -> str:
    """What a trial leads to: "Then $10.00 per month, first on 10 December 2026"; empty without one."""
    data = session["_subscription_data"] or {}
    days = data.get("trial_period_days")
    first = clock.now() + days * clock.DAY if days else data.get("trial_end")
    if not first:
        return ""
    lines = [line for line in session["_lines"] if line["price"]["recurring"]]
    due = sum(
        pricing.total(
            currency_options.within(store.get("price", line["price"]["id"]), session["currency"]),
            line["quantity"] or 0,
        )
        for line in lines
    )
    less = ", less the discount" if session["discounts"] else ""
    period = describe.period(lines[0]["price"])
    day = describe.day(first).replace(" ", "\u00a0")
    return f"Then {money.text(due, session['currency'])} {period}{less}, first on {day}."


def _every(session: Json) -> str:
    """How often the sum at the top is asked for: "per month"; empty where it is not the same each time."""
    periods = {
        describe.period(line["price"]) if line["price"]["recurring"] else "" for line in session["_lines"]
    }
    return periods.pop() if len(periods) == 1 and not session["discounts"] else ""


def _ways(session: Json) -> list[Json]:
    """The ways of shipping that the page offers: name, price, and whether it is the one that was taken."""
    taken = (session["shipping_cost"] or {}).get("shipping_rate")
    return [
        {
            "id": option["shipping_rate"],
            "name": store.get("shipping_rate", option["shipping_rate"])["display_name"],
            "amount": option["shipping_amount"],
            "taken": option["shipping_rate"] == taken,
        }
        for option in session["shipping_options"] or []
    ]
