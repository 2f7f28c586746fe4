"""An invoice's states: draft, open, and then paid, void or uncollectible.

https://docs.stripe.com/invoicing/overview#invoice-statuses
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import drafts, invoice_payments, invoice_sums
from stripe_emulator.billing.metering import credit_balance
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.core import money
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects
from stripe_emulator.payments.customers import tax_ids
from stripe_emulator.payments.intents import payment_intents

register = Register()

#: What may be done with an invoice in each state.
MOVES = {
    ("draft", "finalize"): "open",
    ("open", "pay"): "paid",
    ("open", "void"): "void",
    ("open", "mark_uncollectible"): "uncollectible",
    ("uncollectible", "pay"): "paid",
    ("uncollectible", "void"): "void",
}

#: How much of its id names an invoice to the card networks.
ORDER_REFERENCE_LENGTH = 25

#: An invoice is paid, or it is voided or written off: what it billed goes on from there.
after_paid: Hook[[Json]] = Hook()
after_given_up: Hook[[Json]] = Hook()
#: An invoice that was sent is not paid on its due date.
after_overdue: Hook[[Json]] = Hook()


def move(invoice: Json, verb: str) -> str:
    """The state that an invoice goes to.

    :raises InvalidRequest: It can't, in the state that it is in.
    """
    try:
        return MOVES[invoice["status"], verb]
    except KeyError:
        raise InvalidRequest(_refusal(invoice, verb)) from None


def finalize(invoice: Json) -> Json:
    """Issue an invoice, and ask for what is left to pay; nothing left is paid at once."""
    issue(invoice)
    if invoice["amount_due"] == 0:
        return paid(invoice)
    _ask_for_payment(invoice)
    if invoice["due_date"] is not None:
        due_work.schedule(invoice["due_date"], "invoice.overdue", invoice["id"])
    return invoice


def issue(invoice: Json) -> None:
    """Number it, apply the customer's balance, and put it where the customer can see it."""
    status = move(invoice, "finalize")
    due_work.unschedule(invoice["id"], "invoice.advance")
    invoice_sums.add_up(invoice)
    if taken := credit_balance.apply(invoice):
        objects.change(invoice, _credits=taken)
        invoice_sums.add_up(invoice)
    if invoice["amount_due"]:
        money.check_charge(invoice["amount_due"], invoice["currency"])
    customer = store.named("customer", invoice["customer"], "customer")
    base = transactions.current().store.base_url
    days = invoice.get("_days_until_due")
    if invoice["collection_method"] == "send_invoice" and invoice["due_date"] is None and days is not None:
        invoice["due_date"] = clock.now() + days * clock.DAY
    objects.change(
        invoice,
        automatically_finalizes_at=None,
        customer_tax_ids=tax_ids.shown_on_invoices(customer),
        effective_at=invoice["effective_at"] or clock.now(),
        ending_balance=_apply_balance(invoice, customer),
        hosted_invoice_url=f"{base}/invoice/{invoice['id']}",
        invoice_pdf=f"{base}/invoice/{invoice['id']}/pdf",
        number=invoice["number"] or f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
        status=status,
        status_transitions=invoice["status_transitions"] | {"finalized_at": clock.now()},
        rendering=_with_paper(invoice["rendering"]),
    )
    objects.change(customer, next_invoice_sequence=customer["next_invoice_sequence"] + 1)
    events.emit("invoice.finalized", invoice)


def _with_paper(rendering: Json | None) -> Json | None:
    """The size of the paper is chosen when the invoice is issued."""
    pdf = (rendering or {}).get("pdf")
    if rendering is None or pdf is None or pdf["page_size"] != "auto":
        return rendering
    return rendering | {"pdf": {"page_size": "letter"}}


def receive(invoice: Json, intent: Json) -> None:
    """A payment has come in: the invoice is paid once nothing remains, and until then waits for the rest.

    https://docs.stripe.com/invoicing/partial-payments
    """
    amount = intent["amount_received"]
    if amount >= invoice["amount_remaining"]:
        paid(invoice, amount=amount, intent=intent)
        return
    payment = invoice_payments.payment_by(invoice, intent)
    assert payment is not None, "what comes in was attached"
    invoice_payments.close_payment(payment, amount, out_of_band=False)
    left = invoice["amount_remaining"] - amount
    objects.change(
        invoice, "invoice.updated", amount_paid=invoice["amount_paid"] + amount, amount_remaining=left
    )
    waits = invoice_payments.default_payment(invoice)
    if waits is not None and waits["status"] == "open":
        objects.change(store.get("payment_intent", waits["payment"]["payment_intent"]), amount=left)
        objects.change(waits, amount_requested=left)


def paid(invoice: Json, *, amount: int = 0, out_of_band: bool = False, intent: Json | None = None) -> Json:
    """The invoice is paid: by money, by balance, or by nothing being owed.

    :param amount: Minor units that came in by a payment.
    :param intent: What paid it, if not its default payment.
    """
    status = move(invoice, "pay")
    due_work.unschedule(invoice["id"])
    received = invoice["amount_remaining"] if out_of_band else amount
    objects.change(
        invoice,
        amount_paid=invoice["amount_paid"] + received,
        amount_paid_off_stripe=received if out_of_band else 0,
        amount_remaining=0,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status=status,
        status_transitions=invoice["status_transitions"] | {"paid_at": clock.now()},
    )
    payment = invoice_payments.payment_by(invoice, intent)
    if payment is not None and payment["status"] == "open":
        invoice_payments.close_payment(payment, received, out_of_band)
    invoice_payments.cancel_payment(invoice)
    for name in ("invoice.paid", "invoice.payment_succeeded"):
        events.emit(name, invoice)
    after_paid(invoice)
    return invoice


def void(invoice: Json) -> Json:
    """Take an invoice back: as if it had never been, but it stays on paper."""
    status = move(invoice, "void")
    _give_up(invoice, status, "voided_at")
    invoice_payments.cancel_payment(invoice)
    credit_balance.give_back(invoice)
    used = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    customer = store.get("customer", invoice["customer"])
    if used and not customer.get("deleted"):
        change_balance(customer, -used, "unapplied_from_invoice", invoice["currency"], invoice=invoice["id"])
    events.emit("invoice.voided", invoice)
    after_given_up(invoice)
    return invoice


def mark_uncollectible(invoice: Json) -> Json:
    """Write an invoice off; it can still be paid."""
    status = move(invoice, "mark_uncollectible")
    _give_up(invoice, status, "marked_uncollectible_at")
    events.emit("invoice.marked_uncollectible", invoice)
    after_given_up(invoice)
    return invoice


def change_balance(customer: Json, amount: int, kind: str, currency: str, **more: Any) -> Json:
    """Move the customer's balance, with the transaction that says why. Negative is credit."""
    balance = customer["balance"] + amount
    moved = objects.create(
        "customer_balance_transaction",
        amount=amount,
        currency=currency,
        customer=customer["id"],
        ending_balance=balance,
        type=kind,
        **more,
    )
    objects.change(customer, "customer.updated", balance=balance, currency=customer["currency"] or currency)
    return moved


@register.due("invoice.overdue")
def overdue(invoice_id: str) -> None:
    """An invoice that was sent is still unpaid on its due date."""
    invoice = store.get("invoice", invoice_id)
    if invoice["status"] == "open":
        events.emit("invoice.overdue", invoice)
        after_overdue(invoice)


def _apply_balance(invoice: Json, customer: Json) -> int:
    """Move what the invoice takes from the customer's balance, or leaves there; return the new balance."""
    discounts.spend_once(invoice, drafts.subscription_of(invoice), customer, drafts.off_prorations(invoice))
    moved = invoice["amount_due"] - invoice["total"]
    if moved == 0 or invoice["starting_balance"] != customer["balance"]:
        return int(customer["balance"])
    change_balance(customer, -moved, "applied_to_invoice", invoice["currency"], invoice=invoice["id"])
    return int(customer["balance"])


def _ask_for_payment(invoice: Json) -> None:
    subscription = drafts.subscription_of(invoice)
    form: Json = {
        "amount": invoice["amount_due"],
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": _description(invoice),
        "capture_method": "automatic",
        "payment_method_types": ["card"],
    }
    if subscription is not None:
        form["setup_future_usage"] = "off_session"
        reference = invoice["id"][:ORDER_REFERENCE_LENGTH]
        form["payment_details"] = {"customer_reference": None, "order_reference": reference}
    intent = payment_intents.new(form)
    invoice_payments.add_payment(invoice, intent, is_default=True)


def _description(invoice: Json) -> str:
    return {
        "subscription_create": "Subscription creation",
        "subscription_cycle": "Subscription update",
        "subscription_update": "Subscription update",
    }.get(invoice["billing_reason"], "Payment for Invoice")


def _give_up(invoice: Json, status: str, mark: str) -> None:
    due_work.unschedule(invoice["id"])
    objects.change(
        invoice,
        auto_advance=False,
        next_payment_attempt=None,
        status=status,
        status_transitions=invoice["status_transitions"] | {mark: clock.now()},
    )


def _refusal(invoice: Json, verb: str) -> str:
    status = invoice["status"]
    if verb == "finalize":
        return "This invoice is already finalized, you can't re-finalize a non-draft invoice."
    if verb == "pay" and status == "paid":
        return "Invoice is already paid"
    if verb == "pay" and status == "draft":
        return "This invoice is a draft; finalize it before it can be paid."
    return f"You can only {verb.replace('_', ' ')} an open invoice. This invoice is {status}."
