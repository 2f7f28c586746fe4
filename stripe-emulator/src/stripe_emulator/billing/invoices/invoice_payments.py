"""Invoice payments: which payment paid which invoice. https://docs.stripe.com/api/invoice-payment"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: Seconds after a payment until Stripe sends ``invoice_payment.paid``.
PAYMENT_EVENT_AFTER_S = 15


@register.get("/v1/invoice_payments/{invoice_payment}")
def retrieve(form: Form, invoice_payment_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-payment/retrieve"""
    return store.get("invoice_payment", invoice_payment_id)


@register.get("/v1/invoice_payments")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/invoice-payment/list; by invoice, or by what paid."""
    paid_by = form.get("payment") or {}
    where = {f"payment.{name}": paid_by[name] for name in ("payment_intent", "type") if name in paid_by}
    return lists.page(
        "invoice_payment", form, url="/v1/invoice_payments", where=where, only=("invoice", "status")
    )


def payments_of(invoice: Json) -> list[Json]:
    """The invoice's payments, newest first."""
    return store.select("invoice_payment", {"invoice": invoice["id"]})[::-1]


def default_payment(invoice: Json) -> Json | None:
    """The payment that Stripe made for the invoice by itself."""
    if "_default_payment" in invoice:
        return store.find("invoice_payment", invoice["_default_payment"] or "")
    # A file that an earlier commit wrote: its invoices don't know.
    known = store.select("invoice_payment", {"invoice": invoice["id"], "is_default": True}, limit=1)
    return known[0] if known else None


def payment_by(invoice: Json, intent: Json | None) -> Json | None:
    """The invoice's payment by this intent, or its default payment."""
    default = default_payment(invoice)
    if intent is None or (default and default["payment"]["payment_intent"] == intent["id"]):
        return default
    payments = store.select("invoice_payment", {"invoice": invoice["id"], "payment_intent": intent["id"]})
    return payments[0] if payments else None


def intent_of(invoice: Json) -> Json | None:
    """The payment intent of the default payment."""
    payment = default_payment(invoice)
    return None if payment is None else store.find("payment_intent", payment["payment"]["payment_intent"])


def add_payment(invoice: Json, intent: Json, *, is_default: bool) -> Json:
    """Join a payment intent to an invoice; what becomes of it becomes of the invoice."""
    objects.change(intent, _owner=["invoice", invoice["id"]])
    payment = objects.create(
        "invoice_payment",
        amount_requested=intent["amount"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=is_default,
        payment={"type": "payment_intent", "payment_intent": intent["id"]},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    if is_default:
        objects.change(invoice, _default_payment=payment["id"])
    return payment


@register.due("invoice_payment.paid")
def announce_payment(payment_id: str) -> None:
    """Stripe's word that an invoice's payment is through comes late."""
    events.emit("invoice_payment.paid", store.get("invoice_payment", payment_id))


def close_payment(payment: Json, amount: int, out_of_band: bool) -> None:
    """A payment is through; or nobody needs it, since its invoice was paid outside of Stripe."""
    if out_of_band:
        intent = store.get("payment_intent", payment["payment"]["payment_intent"])
        objects.change(intent, status="canceled", canceled_at=clock.now(), cancellation_reason="void_invoice")
        transitions = payment["status_transitions"] | {"canceled_at": clock.now()}
        objects.change(payment, status="canceled", status_transitions=transitions)
        return
    transitions = payment["status_transitions"] | {"paid_at": clock.now()}
    objects.change(payment, amount_paid=amount, status="paid", status_transitions=transitions)
    due_work.schedule(clock.now() + PAYMENT_EVENT_AFTER_S, "invoice_payment.paid", payment["id"])


def cancel_payment(invoice: Json) -> None:
    """Nobody needs to pay this invoice any more."""
    payment = default_payment(invoice)
    if payment is None or payment["status"] != "open":
        return
    intent = store.get("payment_intent", payment["payment"]["payment_intent"])
    objects.change(intent, status="canceled", canceled_at=clock.now(), cancellation_reason="void_invoice")
    events.emit("payment_intent.canceled", intent)
    transitions = payment["status_transitions"] | {"canceled_at": clock.now()}
    objects.change(payment, status="canceled", status_transitions=transitions)
