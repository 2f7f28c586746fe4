"""Charges: each attempt of a payment to take money. https://docs.stripe.com/api/charges"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import descriptors, emails, ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import NotEmulated
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.account import settlement
from stripe_emulator.payments.balance import balance_transactions
from stripe_emulator.payments.cards import declines
from stripe_emulator.payments.methods import payment_methods
from stripe_emulator.payments.money_back import reviews

register = Register()

#: What a charge copies from the intent that it is an attempt of.
COPIED = (
    "amount",
    "currency",
    "customer",
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
#: What it copies from the card, as the card was at this attempt.
COPIED_OF_CARD = (
    "brand",
    "checks",
    "country",
    "exp_month",
    "exp_year",
    "fingerprint",
    "funding",
    "last4",
    "regulated_status",
)

#: What the networks call every transaction of test mode.
NETWORK_TRANSACTION_IDS = {"amex": "102995586109571", "visa": "119528868122817"}

#: Seconds until Stripe sends an event of the charge once more, with its fee known.
UPDATED_AFTER = 2


@register.get("/v1/charges/{charge}")
def retrieve(form: Form, charge_id: str) -> Json:
    """https://docs.stripe.com/api/charges/retrieve"""
    return store.get("charge", charge_id)


@register.post("/v1/charges/{charge}")
def update(form: Form, charge_id: str) -> Json:
    """https://docs.stripe.com/api/charges/update"""
    charge = store.get("charge", charge_id)
    if "customer" in form:
        raise NotEmulated("changing a charge's customer", param="customer")
    emails.check(form.get("receipt_email"), "receipt_email")
    changes = objects.patch(
        charge, form, ("description", "fraud_details", "receipt_email", "shipping", "transfer_group")
    )
    return objects.change(charge, "charge.updated", **changes)


@register.get("/v1/charges")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/charges/list"""
    only = ("customer", "payment_intent", "transfer_group")
    return lists.page("charge", form, url="/v1/charges", only=only)


@register.get("/v1/charges/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/charges/search"""
    return lists.search("charge", form, url="/v1/charges/search")


@register.includable("charge", "refunds")
def refunds(charge: Json) -> Json:
    """The refunds of a charge, newest first."""
    where = {"charge": charge["id"]}
    page = lists.page("refund", {}, url=f"/v1/charges/{charge['id']}/refunds", where=where)
    return page | {"total_count": len(store.select("refund", where))}


@register.computed("charge")
def while_capturing(charge: Json) -> Json:
    """With asynchronous capture, the answer that took the money does not show its balance transaction yet."""
    taken_by = charge.get("_taken_by")
    is_same = taken_by is not None and taken_by == transactions.current().origin.request_id
    return {"balance_transaction": None} if is_same else {}


#: Seconds for which a bank holds money that is not captured.
HELD_FOR = 7 * clock.DAY


def make(
    intent: Json,
    method: Json,
    decline: tuple[str, str] | None,
    *,
    authenticated: bool = False,
    pending: bool = False,
) -> Json:
    """What the bank answered to one attempt: money taken, held, or refused. Emits its event.

    :param decline: ``(code, decline_code)`` if it refused.
    :param pending: The bank will say later; ``clear`` then goes on.
    """
    captured = decline is None and not pending and intent["capture_method"] != "manual"
    risky = decline is None and payment_methods.card_of(method).risk == "elevated"
    charge = objects.create(
        "charge",
        **{key: intent[key] for key in COPIED},
        amount_captured=intent["amount"] if captured else 0,
        amount_refunded=0,
        billing_details=method["billing_details"],
        calculated_statement_descriptor=descriptors.on_a_card(intent) if method["type"] == "card" else None,
        captured=captured,
        destination=None,
        dispute=None,
        disputed=False,
        failure_code=decline[0] if decline else None,
        failure_message=declines.MESSAGES[decline[1]] if decline else None,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        order=None,
        outcome=_IN_REVIEW if risky else _outcome(decline),
        paid=decline is None and not pending,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(method, intent, authenticated, approved=decline is None),
        radar_options={},
        receipt_url=None,
        refunded=False,
        status="failed" if decline else "pending" if pending else "succeeded",
        _taken_by=transactions.current().origin.request_id
        if intent["capture_method"] == "automatic_async"
        else None,
    )
    if decline is None:
        if intent["capture_method"] == "manual" and "card" in charge["payment_method_details"]:
            charge["payment_method_details"]["card"]["capture_before"] = clock.now() + HELD_FOR
        objects.change(charge, receipt_url=f"{transactions.current().store.base_url}/receipts/{charge['id']}")
    if captured:
        _book(charge, method)
    review = reviews.place(charge, intent) if risky else None
    events.emit(f"charge.{charge['status']}", charge)
    if review is not None:
        events.emit("review.opened", review)
    if captured:
        due_work.schedule(clock.now() + UPDATED_AFTER, "charge.updated", charge["id"])
    return charge


def clear(charge: Json, failure: tuple[str, str] | None) -> Json:
    """The bank's late word on a pending charge: the money is there, or ``(code, message)`` why not."""
    if failure is None:
        objects.change(charge, amount_captured=charge["amount"], captured=True, paid=True, status="succeeded")
        _book(charge, store.find("payment_method", charge["payment_method"]))
    else:
        objects.change(charge, failure_code=failure[0], failure_message=failure[1], status="failed")
    events.emit(f"charge.{charge['status']}", charge)
    return charge


def capture(charge: Json, amount: int) -> Json:
    """Take what the bank holds, or a part of it; the rest is released."""
    method = store.find("payment_method", charge["payment_method"])
    objects.change(charge, captured=True, amount_captured=amount, amount_refunded=charge["amount"] - amount)
    _book(charge, method)
    events.emit("charge.captured", charge)
    return charge


def release(charge: Json, *, event: str = "charge.refunded") -> Json:
    """Release what the bank holds and the shop never took."""
    objects.change(charge, amount_refunded=charge["amount"], refunded=True)
    events.emit(event, charge)
    reviews.close_of(charge, "canceled")
    return charge


@register.due("charge.updated")
def announce_update(charge_id: str) -> None:
    """Stripe sends the balance transaction late, though the charge had it from the start."""
    charge = store.get("charge", charge_id)
    events.emit("charge.updated", charge, previous={"balance_transaction": None})


def _book(charge: Json, method: Json | None) -> None:
    """The money comes in, less the fee."""
    card = payment_methods.card_of(method) if method else None
    moved = balance_transactions.record(
        "charge",
        charge,
        charge["amount_captured"],
        fee=settlement.charge_fee,
        at_once=card is not None and card.available_at_once,
    )
    objects.change(charge, balance_transaction=moved["id"])


#: The outcome of a charge that took money and is placed in review.
_IN_REVIEW: Json = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": "elevated_risk_level",
    "risk_level": "elevated",
    "risk_score": 70,
    "rule": "manual_review_if_elevated_risk",
    "seller_message": "Stripe evaluated this payment as having elevated risk, and placed it in your manual"
    " review queue.",
    "type": "manual_review",
}


def _outcome(decline: tuple[str, str] | None) -> Json:
    blocked = decline is not None and decline[1] == "fraudulent"
    return {
        "advice_code": "try_again_later" if decline and not blocked else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "not_sent_to_network"
        if blocked
        else "declined_by_network"
        if decline
        else "approved_by_network",
        "reason": None if decline is None else "highest_risk_level" if blocked else decline[1],
        "risk_level": "highest" if blocked else "normal",
        "risk_score": 90 if blocked else 20,
        "seller_message": "Payment complete."
        if decline is None
        else "The bank did not return any further details with this decline.",
        "type": "blocked" if blocked else "issuer_declined" if decline else "authorized",
    }


def _details(method: Json, intent: Json, authenticated: bool, *, approved: bool) -> Json:
    """``payment_method_details``: the card as it was at this attempt."""
    amount, mandate = intent["amount"], intent.get("_mandate") if approved else None
    if method["type"] != "card":
        account = ("bank_code", "branch_code", "country", "fingerprint", "last4")
        debit = {key: method["sepa_debit"][key] for key in account} | {"mandate": mandate}
        return {"type": "sepa_debit", "sepa_debit": debit}
    card = method["card"]
    return {
        "type": "card",
        "card": {
            **{key: card[key] for key in COPIED_OF_CARD},
            "amount_authorized": amount,
            "authorization_code": ids.digits(6) if approved else None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": _increment_status(intent, card["brand"])},
            "installments": None,
            "mandate": mandate,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": NETWORK_TRANSACTION_IDS.get(card["brand"], "104102978678771"),
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "three_d_secure": _authentication() if authenticated else None,
            "transaction_link_id": None,
            "wallet": None,
        },
    }


#: The networks that let more be held than at first.
_INCREMENTED = {"amex", "discover", "mastercard", "unionpay", "visa"}


def _increment_status(intent: Json, brand: str) -> str:
    options = (intent.get("payment_method_options") or {}).get("card") or {}
    wanted = options.get("request_incremental_authorization") == "if_available"
    may = wanted and intent["capture_method"] == "manual" and brand in _INCREMENTED
    return "available" if may else "unavailable"


def can_be_incremented(charge: Json) -> bool:
    """Whether more can be held of its card."""
    card = charge["payment_method_details"].get("card") or {}
    return bool((card.get("incremental_authorization") or {}).get("status") == "available")


def hold_more(charge: Json, amount: int) -> None:
    """The bank holds this much from now on."""
    details = charge["payment_method_details"]
    card = {
        **details["card"],
        "amount_authorized": amount,
        "overcapture": {**details["card"]["overcapture"], "maximum_amount_capturable": amount},
    }
    objects.change(charge, "charge.updated", amount=amount, payment_method_details={**details, "card": card})


def _authentication() -> Json:
    """``three_d_secure``: the card's owner passed the bank's test."""
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": ids.token(36),
        "version": "2.2.0",
    }
