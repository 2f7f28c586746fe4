"""Checkout Sessions that start a subscription: its first invoice is paid, or a trial's card saved.

https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-mode
"""

from __future__ import annotations

from stripe_emulator.billing.invoices import collection, drafts, invoice_payments
from stripe_emulator.billing.lifecycle import start
from stripe_emulator.billing.terms import currencies, items, terms
from stripe_emulator.checkout.completion import completion, session_intents, session_payer, session_urls
from stripe_emulator.checkout.completion.completion import KIND
from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.lines import session_discounts
from stripe_emulator.checkout.modes.mode import Mode
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.confirming import setup_confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation, IntentOwner
from stripe_emulator.payments.intents import setup_intents
from stripe_emulator.payments.methods import mandates

#: How a trial's setup intent names its session in ``_owner``.
TRIAL = "checkout.session.trial"

#: Parts of ``subscription_data`` that go to the subscription as they are.
PASSED_ON = (
    "add_invoice_items",
    "billing_cycle_anchor",
    "billing_mode",
    "description",
    "invoice_settings",
    "metadata",
    "proration_behavior",
    "trial_end",
    "trial_period_days",
    "trial_settings",
)

#: Lines that recur, and as many again that are paid once.
MAX_LINES = 20


def _prepare(session: Json, form: Form) -> None:
    """Check that it could be billed, and show what is due today: nothing recurring in a trial."""
    recurring = [line for line in session["_lines"] if line["price"]["recurring"]]
    if not recurring:
        raise InvalidRequest(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
            param="line_items",
        )
    if max(len(recurring), len(session["_lines"]) - len(recurring)) > MAX_LINES:
        raise InvalidRequest(
            f"You can have up to {MAX_LINES} line items with recurring prices and {MAX_LINES} with one-time"
            " prices in `subscription` mode.",
            param="line_items",
        )
    data = session["_subscription_data"] or {}
    items.check_mode(recurring, terms.billing_mode(data), "line_items")
    if session["customer"]:
        currencies.check(store.get("customer", session["customer"]), session["currency"])
    if data.get("trial_end") is not None:
        terms.check_trial_end(data["trial_end"])
    if _has_trial(session):
        for line in recurring:
            line["amount_subtotal"] = 0
        session_discounts.apply(session)
    collects = form.get("payment_method_collection", "always")
    objects.change(
        session,
        customer_creation=None if session["customer"] else "always",
        payment_method_collection=collects,
    )


def needs_card(session: Json) -> bool:
    """Whether the customer has to give a card now."""
    return bool(session["amount_total"]) or session["payment_method_collection"] != "if_required"


def _complete(session: Json, payer: Payer) -> None:
    customer = session_payer.ensure_customer(session)
    clock.live_with(customer)
    if session["amount_total"]:
        _pay(session, customer, payer)
    elif needs_card(session):
        _save_card(session, customer, payer)
    else:
        _begin(session, customer, None)


def _pay(session: Json, customer: Json, payer: Payer) -> None:
    """Pay the first invoice. A card that was declined is followed by another on the same invoice."""
    subscription = store.find("subscription", session.get("_subscription") or "")
    if subscription is None or subscription["status"] != "incomplete":
        session_payer.note_payer(session, customer)
        subscription, invoice = start.subscribe(customer, _form(session, customer))
        objects.change(subscription, _session=session["id"])
        objects.change(session, _subscription=subscription["id"])
        start.collect_first(subscription, invoice, "default_incomplete")
    invoice = store.get("invoice", subscription["latest_invoice"])
    intent = invoice_payments.intent_of(invoice)
    if intent is None:
        return  # a discount or the customer's balance paid it all, and the session is complete
    objects.change(session, _intent=["payment_intent", intent["id"]])
    back = session_urls.page(session, "/back")
    error = collection.attempt(
        invoice, payer.method, return_url=back, acceptance=mandates.on_our_page(payer.method)
    )
    if error is not None:
        raise error


def _save_card(session: Json, customer: Json, payer: Payer) -> None:
    """Nothing is due today: keep the card for the day that something is."""
    intent = session_intents.intent_of(session)
    if intent is None:
        intent = setup_intents.new({"customer": customer["id"], "usage": "off_session"})
        objects.change(intent, _owner=[TRIAL, session["id"]])
        objects.change(session, _intent=["setup_intent", intent["id"]])
    back = session_urls.page(session, "/back")
    how = Confirmation(payer.method, return_url=back, acceptance=mandates.on_our_page(payer.method))
    setup_confirmation.confirm(intent, how)


def _card_is_saved(intent: Json) -> None:
    session = store.get(KIND, intent["_owner"][1])
    _begin(session, store.get("customer", session["customer"]), intent["payment_method"])


def _begin(session: Json, customer: Json, method_id: str | None) -> None:
    """Start the subscription that costs nothing today."""
    session_payer.note_payer(session, customer)
    form = _form(session, customer)
    if method_id is not None:
        form["default_payment_method"] = method_id
    subscription, invoice = start.subscribe(customer, form)
    objects.change(subscription, _session=session["id"])
    start.collect_first(subscription, invoice, "default_incomplete")


def invoice_paid(invoice: Json) -> None:
    """The first invoice is paid, by money or by nothing being due: the session is complete."""
    subscription = drafts.subscription_of(invoice)
    session_id = (subscription or {}).get("_session")
    if subscription is None or session_id is None or invoice["billing_reason"] != "subscription_create":
        return
    session = store.get(KIND, session_id)
    if session["status"] != "open":
        return
    objects.change(session, invoice=invoice["id"], subscription=subscription["id"])
    completion.finish(session, payment_status="paid" if invoice["amount_paid"] else "no_payment_required")


def _form(session: Json, customer: Json) -> Json:
    """The session as a request for a subscription."""
    data = session["_subscription_data"] or {}
    form = {key: data[key] for key in PASSED_ON if key in data}
    lines = session["_lines"]
    form["currency"] = session["currency"]
    form["items"] = [_item(line) for line in lines if line["price"]["recurring"]]
    extra = [_item(line) for line in lines if not line["price"]["recurring"]]
    form["add_invoice_items"] = [*form.get("add_invoice_items", []), *extra]
    form["payment_settings"] = {"save_default_payment_method": "on_subscription"}
    form["discounts"] = session_discounts.forms(session)
    if taxes.is_automatic(session):
        form["automatic_tax"] = {"enabled": True}
    else:
        form["default_tax_rates"] = items.agreed_rates(session["_tax_rates"])
    return form


def _item(line: Json) -> Json:
    counted = {} if line["quantity"] is None else {"quantity": line["quantity"]}
    named = {"price": line["price"]["id"], items.AGREED: True}
    return {**named, **counted, "tax_rates": items.agreed_rates(line["_tax_rates"])}


def _has_trial(session: Json) -> bool:
    data = session["_subscription_data"] or {}
    return bool(data.get("trial_period_days") or data.get("trial_end"))


SUBSCRIPTION = Mode(_prepare, _complete)

#: A session as the owner of the setup of its trial's card.
TRIAL_OWNER = IntentOwner(succeeded=_card_is_saved)
