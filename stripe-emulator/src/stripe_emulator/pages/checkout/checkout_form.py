"""Who pays, read from the form of the Checkout page: each part of it, and a sentence where one is wrong."""

from __future__ import annotations

import re

from flask import request

from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.lines import shipping
from stripe_emulator.checkout.sessions import custom_fields, payer_questions
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import card_form
from stripe_emulator.pages.common.card_form import Refusal, gathered
from stripe_emulator.pages.stripe_js import stripe_js_session
from stripe_emulator.payments.customers import tax_id_formats

#: The fields of a billing address with their labels.
ADDRESS = (("line1", "Street"), ("city", "City"), ("postal_code", "Postal code"), ("country", "Country"))

#: Where banks check a card by the postal code of its holder.
CHECKED_BY_POSTAL_CODE = ("CA", "GB", "US")


def payer(session: Json) -> Payer:
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
        more["address"] = _address(session, method)
    with gathered(details):
        more |= _business(session)
    with gathered(details):
        more["shipping"] = _shipping(session, name)
    with gathered(details):
        more["custom_fields"] = _custom_fields(session)
    if payer_questions.asks_terms(session) and not more["accepts_terms"]:
        details["terms_of_service"] = "Accept the terms of service to go on."
    typed = payer_questions.asks_card(session) and not method
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
    if not payer_questions.asks_phone(session):
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
    if not payer_questions.asks_tax_id(session) or not (value or business):
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


def _address(session: Json, method: Json) -> Json | None:
    """The billing address, as far as the page asks for it.

    A program that posts nothing but a card has no field for the country, and is not held to one. The page
    has it always.

    :raises Refusal: A part of it is missing, or can't be right.
    """
    parts = payer_questions.address_parts(session)
    is_needed = payer_questions.needs_address(session)
    if not is_needed and (method or "country" not in request.form):
        return None
    typed = {part: request.form.get(part, "").strip() for part in parts}
    faults = {
        part: f"Your {label.lower()} is missing."
        for part, label in ADDRESS
        if part in parts and not typed[part] and _is_needed(part, typed, parts)
    }
    if typed["country"] and not re.fullmatch(r"[A-Za-z]{2}", typed["country"]):
        faults["country"] = "Enter the country by its two letters, such as US."
    if faults:
        raise Refusal(faults)
    of_business = ("line1", "city") if request.form.get("business_name") else ()
    typed |= {part: request.form[part].strip() for part in of_business if request.form.get(part)}
    return {**typed, "country": typed["country"].upper()}


def _is_needed(part: str, typed: dict[str, str], parts: tuple[str, ...]) -> bool:
    """Whether a part may not be left out: of a brief address the postal code may, in most countries."""
    is_brief = parts == payer_questions.BRIEF_ADDRESS
    return part != "postal_code" or not is_brief or typed["country"].upper() in CHECKED_BY_POSTAL_CODE
