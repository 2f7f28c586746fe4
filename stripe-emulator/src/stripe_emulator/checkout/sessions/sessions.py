"""Checkout Sessions: a page where somebody pays. https://docs.stripe.com/api/checkout/sessions

What happens when the customer pays is in ``paying.py`` and ``completion.py``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.checkout.completion import completion, invoice_creation
from stripe_emulator.checkout.completion.completion import KIND
from stripe_emulator.checkout.lines import breakdown, line_items, session_discounts, shipping
from stripe_emulator.checkout.sessions import custom_fields, optional_items, session_changes, session_forms
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core import ids, money
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.time import due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.methods import method_currencies, method_kinds

register = Register()

#: What has lines of this kind.
SELLERS = (KIND, "payment_link", "quote")

#: Parameters that are kept as they come.
KEPT = (
    "allow_promotion_codes",
    "adaptive_pricing",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "custom_text",
    "customer_email",
    "excluded_payment_method_types",
    "integration_identifier",
    "locale",
    "origin_context",
    "payment_method_collection",
    "payment_method_options",
    "permissions",
    "phone_number_collection",
    "redirect_on_completion",
    "return_url",
    "submit_type",
    "success_url",
    "wallet_options",
)


@register.post("/v1/checkout/sessions")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/create"""
    mode = session_forms.checked_mode(form)
    session_forms.check_urls(form)
    customer = session_forms.customer(form)
    method_kinds.check_session(form.get("payment_method_types"))
    session_forms.check_descriptor(form)
    lines = line_items.read(form.get("line_items") or [], currency=session_forms.currency(form))
    if lines:
        kinds = [*(form.get("payment_method_types") or []), *(form.get("allowed_payment_method_types") or [])]
        method_currencies.check_session(kinds, lines[0]["currency"])
    kept = {key: form[key] for key in KEPT if key in form}
    session_id = ids.new(KIND)
    hosted = form.get("ui_mode", "hosted_page") == "hosted_page"
    session = objects.create(
        KIND,
        id=session_id,
        **session_forms.defaults(form) | kept | (line_items.totals(lines) if lines else {}),
        automatic_tax=taxes.shown(form),
        client_secret=None if hosted else ids.client_secret(session_id),
        currency=lines[0]["currency"] if lines else session_forms.currency(form),
        custom_fields=custom_fields.read(form),
        customer=customer,
        customer_details=session_forms.known_details(form, customer),
        _updates=session_forms.updates(form),
        expires_at=session_forms.expires_at(form),
        invoice_creation=invoice_creation.shown(form),
        metadata=form.get("metadata"),
        mode=form["mode"],
        **optional_items.read(form, lines),
        payment_method_types=form.get("payment_method_types") or ["card"],
        payment_status="unpaid",
        shipping_address_collection=shipping.collection(form),
        status="open",
        url=f"{transactions.current().store.base_url}/pay/{session_id}" if hosted else None,
        _lines=lines,
        _payment_intent_data=form.get("payment_intent_data"),
        _setup_intent_data=form.get("setup_intent_data"),
        _subscription_data=form.get("subscription_data"),
        _tax_rates=taxes.default_rates(form, customer),
    )
    session_discounts.choose(session, form)
    shipping.choose(session, form)
    if lines:
        session_discounts.apply(session)
    mode.prepare(session, form)
    if form["mode"] == "payment" and session["amount_total"]:
        money.check_charge(session["amount_total"], session["currency"], "line_items")
    due_work.schedule(session["expires_at"], "checkout.session.expire", session_id)
    return session


@register.get("/v1/checkout/sessions/{session}")
def retrieve(form: Form, session_id: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/retrieve"""
    return store.get(KIND, session_id, param="session")


@register.post("/v1/checkout/sessions/{session}")
def update(form: Form, session_id: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/update"""
    return session_changes.update(store.get(KIND, session_id, param="session"), form)


@register.post("/v1/checkout/sessions/{session}/expire")
def expire(form: Form, session_id: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/expire"""
    session = store.get(KIND, session_id, param="session")
    session_changes.must_be_open(session, "expire")
    return completion.expire(session)


@register.get("/v1/checkout/sessions")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/list"""
    where: Json = {}
    if "customer_details" in form:
        where["customer_details.email"] = form["customer_details"].get("email")
    only = ("customer", "payment_intent", "payment_link", "status", "subscription")
    return lists.page(KIND, form, url="/v1/checkout/sessions", where=where, only=only)


@register.get("/v1/checkout/sessions/{session}/line_items")
def list_line_items(form: Form, session_id: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/line_items"""
    session = store.get(KIND, session_id, param="session")
    return lists.slice_of(session["_lines"], form, url=f"/v1/checkout/sessions/{session_id}/line_items")


@register.includable(KIND, "total_details.breakdown")
def breakdown_of(session: Json) -> Json:
    """What the discounts and the taxes are, shown when asked for."""
    paid = {"subscription": session["subscription"]} if session["subscription"] else {}
    redeemed = store.select("discount", paid or {"checkout_session": session["id"]})
    return breakdown.of(session, session["discounts"] or [], redeemed)


@register.includable(KIND, "shipping_cost.taxes")
def taxes_of_shipping(session: Json) -> list[Json]:
    """What each tax rate takes of what it costs to ship, shown when asked for."""
    return breakdown.taxes([{"_taxes": session.get("_shipping_taxes") or []}])


@register.includable("item", "taxes")
def taxes_of_line(line: Json) -> list[Json]:
    """What each tax rate takes of a line, shown when asked for."""
    taxes: list[Json] = breakdown.of_line(line, SELLERS)["taxes"]
    return taxes


@register.includable("item", "discounts")
def discounts_of_line(line: Json) -> list[Json]:
    """What each discount takes off a line, shown when asked for."""
    off: list[Json] = breakdown.of_line(line, SELLERS)["discounts"]
    return off


@register.includable(KIND, "line_items")
def line_items_of(session: Json) -> Json:
    """The first lines, shown when asked for."""
    return lists.slice_of(session["_lines"], {}, url=f"/v1/checkout/sessions/{session['id']}/line_items")
