"""The hosted Checkout page: a plain form that works without JavaScript."""

from __future__ import annotations

import re

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.catalog import currency_options, pricing
from stripe_emulator.checkout import (
    completion,
    custom_fields,
    optional_items,
    paying,
    payment_links,
    session_changes,
    session_discounts,
    shipping,
)
from stripe_emulator.checkout.mode import Payer
from stripe_emulator.checkout.subscription_mode import needs_card
from stripe_emulator.core import clock, money, store
from stripe_emulator.core.errors import CardError, InvalidRequest, NotFound, StripeError, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.pages import card_form, countries, describe, problem, stripe_js_session
from stripe_emulator.pages.account import storage
from stripe_emulator.pages.card_form import Refusal, gathered
from stripe_emulator.payments import tax_id_formats

#: The fields of a billing address with their labels.
ADDRESS = (("line1", "Street"), ("city", "City"), ("postal_code", "Postal code"), ("country", "Country"))

pages = Blueprint("checkout", __name__, template_folder="templates")
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
            paying.pay(session, _payer(session))
        except Refusal as refusal:
            return _page(session, refusal, 422)
        except CardError as error:
            return _page(session, Refusal({"card_number": error.message}), 402)
        except InvalidRequest as error:
            return _page(session, Refusal({error.param or "": error.message}), 422)
        bank = completion.waits_for_bank(session)
        return redirect(bank, 303) if bank else _landed(session)


@pages.post("/pay/<session_id>/promotion")
def promote(session_id: str) -> ResponseReturnValue:
    """Apply the promotion code that was typed, or say why not; an empty field takes it away."""
    with storage().transaction():
        session = _session(session_id)
        if session["status"] != "open" or not session["allow_promotion_codes"]:
            return _page(session)
        try:
            session_discounts.enter_code(session, request.form.get("promotion_code", ""))
        except InvalidRequest as error:
            return _page(session, Refusal({"promotion_code": error.message}), 422)
        completion.sync_intent(session)
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
        intent = completion.intent_of(session) or {}
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
        landing = "" if thanks else completion.landing(session)
        return render_template("hosted/closed.html", session=session, landing=landing, thanks=thanks), status
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    options = session["saved_payment_method_options"] or {}
    page = render_template(
        "hosted/checkout.html",
        session=session,
        lines=session["_lines"],
        about=_about(session["_lines"]),
        trial=_trial(session),
        then=_after_trial(session),
        every=_every(session),
        promotion=session_discounts.named(session),
        asks_card=asks_card(session),
        email=session["customer_email"] or (customer or {}).get("email") or session.get("_email"),
        saved=stripe_js_session.saved_cards(session),
        asks_terms=completion.asks_terms(session),
        asks_phone=completion.asks_phone(session),
        asks_address=completion.asks_address(session),
        countries=[("", "Choose"), *countries.choices(countries.CODES)],
        ships_to=countries.choices(shipping.countries(session)),
        country=countries.of_the_reader(),
        asks_tax_id=completion.asks_tax_id(session),
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
    landing = completion.landing(session)
    if session["ui_mode"] == "embedded_page":
        leaves = session["redirect_on_completion"] not in ("if_required", "never")
        return render_template("hosted/done.html", what="page", landing=landing if leaves else "")
    return redirect(landing, 303)


def asks_card(session: Json) -> bool:
    """Whether a card is wanted: not where a discount takes all, or a trial needs none."""
    if session["mode"] == "payment":
        return bool(session["amount_total"])
    return session["mode"] == "setup" or needs_card(session)


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
    return f"Then {money.text(due, session['currency'])} {period}{less}, first on {describe.day(first)}."


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


def _payer(session: Json) -> Payer:
    """Who pays, read from the form.

    :raises Refusal: Something in it can't be right.
    """
    form = request.form
    email, name = form.get("email", "").strip(), form.get("name", "").strip() or None
    faults: dict[str, str] = {}
    more: Json = {"keep": "save_card" in form, "accepts_terms": "terms_of_service" in form}
    known = session["customer"] or session["customer_email"]
    if not known and not re.fullmatch(r"[^\s@]+@[^\s@]+", email):
        faults["email"] = "Enter an email address, such as jenny@example.com."
    saved = {method["id"]: method for method in stripe_js_session.saved_cards(session)}
    method: Json = saved.get(form.get("saved_card", ""), {})
    details: dict[str, str] = {}
    with gathered(details):
        more["phone"] = _phone(session)
    with gathered(details):
        more["address"] = _address(session)
    with gathered(details):
        more |= _business(session)
    with gathered(details):
        more["shipping"] = _shipping(session, name)
    with gathered(details):
        more["custom_fields"] = _custom_fields(session)
    if completion.asks_terms(session) and not more["accepts_terms"]:
        details["terms_of_service"] = "Accept the terms of service to go on."
    typed = asks_card(session) and not method
    if typed:
        with gathered(faults):
            card_form.check(form)
    if faults or details:
        raise Refusal(faults | details)
    if typed:
        method = card_form.read(form, email=email, phone=more["phone"], address=more["address"])
    return Payer(method, email or None, None if method.get("id") in saved else name, **more)


def _phone(session: Json) -> str | None:
    """:raises Refusal: The session collects a phone number, and this is none."""
    if not completion.asks_phone(session):
        return None
    phone = re.sub(r"[\s().-]", "", request.form.get("phone", ""))
    if not re.fullmatch(r"\+?[0-9]{5,15}", phone):
        raise Refusal({"phone": "Enter a phone number, such as +1 555 0100."})
    return phone


def _business(session: Json) -> Json:
    """The tax id and the business that it belongs to, where the session collects them and they were given.

    :raises Refusal: One of the two is missing, or the number can't be one of that type.
    """
    kind, value = request.form.get("tax_id_type", ""), request.form.get("tax_id", "").strip()
    business = request.form.get("business_name", "").strip() or None
    if not completion.asks_tax_id(session) or not (value or business):
        return {}
    if business is None:
        raise Refusal({"business_name": "Enter the name of the business that the tax ID belongs to."})
    if not value:
        raise Refusal({"tax_id": "Enter the tax ID of the business, or leave its name out."})
    if kind not in tax_id_formats.KINDS:
        raise Refusal({"tax_id_type": "Choose the type of the tax ID."})
    try:
        tax_id_formats.check(kind, value, "tax_id")
    except InvalidRequest:
        raise Refusal({"tax_id": "This is no tax ID of the type that was chosen."}) from None
    return {"tax_id": {"type": kind, "value": value}, "business_name": business}


def _shipping(session: Json, name: str | None) -> Json | None:
    """:raises Refusal: The session ships, and the address can't be."""
    if not session["shipping_address_collection"]:
        return None
    typed = {part: request.form.get(f"shipping_{part}", "").strip() or None for part, _ in ADDRESS}
    typed["country"] = typed["country"] and typed["country"].upper()
    try:
        shipping.address(session, name, typed)
    except InvalidRequest as error:
        raise Refusal({str(error.param): error.message}) from None
    return typed


def _custom_fields(session: Json) -> dict[str, str]:
    """:raises Refusal: A field of the shop's own is not filled in, or can't be right."""
    keys = [field["key"] for field in custom_fields.asked(session)]
    typed = {key: request.form.get(f"custom_fields[{key}]", "") for key in keys}
    try:
        custom_fields.filled(session, typed)
    except InvalidRequest as error:
        raise Refusal({str(error.param): error.message}) from None
    return typed


def _address(session: Json) -> Json | None:
    """:raises Refusal: The session collects a billing address, and a part of it is missing."""
    if not completion.asks_address(session):
        return None
    typed = {key: request.form.get(key, "").strip() for key, _ in ADDRESS}
    faults = {
        key: f"Enter your billing address: {label.lower()} is missing."
        for key, label in ADDRESS
        if not typed[key]
    }
    if typed["country"] and not re.fullmatch(r"[A-Za-z]{2}", typed["country"]):
        faults["country"] = "Enter the country by its two letters, such as US."
    if faults:
        raise Refusal(faults)
    return {**typed, "country": typed["country"].upper()}
