"""Getting an invoice paid: with which card, and what happens when the bank says no.

Retries follow ``DUNNING`` (days after each failure), a setting of the emulator's as it is one of
the dashboard's at Stripe, where "smart retries" choose the moments.
https://docs.stripe.com/billing/revenue-recovery/smart-retries
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import drafts, invoice_payments, invoices
from stripe_emulator.core.database import store
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import CardError, InvalidRequest
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public
from stripe_emulator.events import events, objects
from stripe_emulator.payments.confirming import confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation, IntentOwner

register = Register()

#: Name of the setting, what it is until set, and what may become of the subscription at the end.
SETTING = "dunning"
ENDS = ("cancel", "unpaid", "past_due")
DUNNING: Json = {"retry_days": [3, 5, 7], "overdue_days": 60, "end": "cancel"}

#: Seconds from now until a draft is finalized, at most: five years.
LATEST = (5 * 365 + 2) * clock.DAY

#: The payment of an invoice failed: ``(invoice, was_the_last_try)``.
after_failure: Hook[[Json, bool]] = Hook()


class NothingKept(CardError):
    """A decline after which the request never happened: ``payment_behavior=error_if_incomplete``."""

    keeps_work = False


def configure(settings: Json) -> Json:
    """Choose when failed renewals are tried again, and what becomes of the subscription at the end.

    :param settings: ``retry_days``: days after each failure until the next try. ``overdue_days``: days
        after the due date until an invoice that was sent counts as never paid. ``end``: "cancel",
        "unpaid" or "past_due". What is left out is as by default.
    :return: The settings that now hold.
    :raises InvalidRequest: Something else is in it.
    """
    wanted = DUNNING | settings
    days = wanted["retry_days"]
    if unknown := sorted(wanted.keys() - DUNNING.keys()):
        raise InvalidRequest(
            f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0]
        )
    if not isinstance(days, list) or not all(type(day) is int and 1 <= day <= 365 for day in days):
        raise InvalidRequest("retry_days must be a list of days, each from 1 to 365.", param="retry_days")
    if type(wanted["overdue_days"]) is not int or not 1 <= wanted["overdue_days"] <= 365:
        raise InvalidRequest("overdue_days must be a number of days, from 1 to 365.", param="overdue_days")
    if wanted["end"] not in ENDS:
        raise InvalidRequest(f"end must be one of {', '.join(ENDS)}.", param="end")
    put_setting(SETTING, wanted)
    return wanted


def dunning() -> Json:
    """The settings of retries that now hold."""
    settings: Json = get_setting(SETTING, DUNNING)
    return settings


def method_for(invoice: Json) -> Json | None:
    """The card that pays: the invoice's, the subscription's, or the customer's default.

    https://docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority
    """
    subscription = drafts.subscription_of(invoice)
    if invoice["default_payment_method"]:
        return store.find("payment_method", invoice["default_payment_method"])
    return default_method(subscription, store.get("customer", invoice["customer"]))


def default_method(subscription: Json | None, customer: Json) -> Json | None:
    """The card that a subscription is paid with, or None."""
    chosen = subscription and (subscription["default_payment_method"] or subscription["default_source"])
    settings = customer.get("invoice_settings") or {}
    chosen = chosen or settings.get("default_payment_method") or customer.get("default_source")
    method = store.find("payment_method", chosen) if chosen else None
    return method if method is not None and method["customer"] == customer["id"] else None


def attempt(
    invoice: Json,
    method: Json | None = None,
    *,
    off_session: bool = True,
    return_url: str | None = None,
    acceptance: Json | None = None,
) -> CardError | None:
    """Try to collect an open invoice; return the bank's refusal, or None.

    What the bank says becomes the invoice's state, events and the next attempt. A card that wants
    its owner leaves the payment intent at ``requires_action``.

    :param off_session: The customer is not there, so that a bank which knows the card does not ask.
    :param return_url: Where a customer who is there comes back to from the bank's page.
    :param acceptance: How the customer gave a mandate with it; see ``Confirmation``.
    """
    intent = invoice_payments.intent_of(invoice)
    assert intent is not None, "an invoice that asks for money has a payment intent"
    method = method or method_for(invoice)
    objects.change(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1)
    if method is None:
        _failed(invoice)
        return None
    if intent["status"] == "canceled":
        return None
    there = return_url is not None
    how = Confirmation(
        method, off_session=off_session and not there, return_url=return_url, acceptance=acceptance
    )
    try:
        confirmation.confirm(intent, how)
    except CardError as error:
        return error
    except InvalidRequest as error:  # such as a debit without a mandate: no bank was asked
        objects.change(intent, last_payment_error=_shown(error))
        _failed(invoice)
        return None
    if intent["status"] == "requires_action" and return_url is None:
        events.emit("invoice.payment_action_required", invoice)
        _failed(invoice)
    return None


def refused(invoice: Json, error: CardError | None) -> NothingKept:
    """The refusal of a request that wanted its payment or nothing."""
    if error is not None:
        return NothingKept(error.message, code=error.code, param=error.param, **error.extra)
    action_error = action_required(invoice)
    return NothingKept(action_error.message, code=action_error.code, **action_error.extra)


def action_required(invoice: Json) -> CardError:
    """The card's owner has to do something before this invoice can be paid."""
    return CardError(
        "Payment for this subscription requires additional user action before it can be completed"
        " successfully. Payment can be completed using the PaymentIntent of the invoice.",
        code="invoice_payment_intent_requires_action",
        payment_intent=public(invoice_payments.intent_of(invoice) or {}),
    )


def prepare(invoice: Json) -> None:
    """Leave the payment to the customer, with the default card chosen if there is one."""
    intent, method = invoice_payments.intent_of(invoice), method_for(invoice)
    if intent is not None and method is not None and intent["status"] == "requires_payment_method":
        objects.change(intent, payment_method=method["id"], status="requires_confirmation")


def advance(invoice: Json) -> None:
    """What Stripe does by itself with an invoice: finalize the draft, then collect or send it."""
    if invoice["status"] == "draft":
        invoices.finalize(invoice)
    if invoice["status"] != "open":
        return
    if invoice["collection_method"] == "send_invoice":
        events.emit("invoice.sent", invoice)
    else:
        attempt(invoice)


def require_method(customer: Json, subscription: Json | None) -> None:
    """:raises InvalidRequest: Nothing is there to charge."""
    if default_method(subscription, customer) is None:
        raise InvalidRequest(
            "This customer has no attached payment source or default payment method. Please consider adding a"
            " default payment method. For more information, visit"
            " https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )


@register.due("invoice.advance")
def draft_is_over(invoice_id: str) -> None:
    """An hour has passed since the draft was made."""
    invoice = store.find("invoice", invoice_id)
    if invoice is None or invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    try:
        advance(invoice)
    except InvalidRequest as error:  # such as more than can be charged
        objects.change(invoice, automatically_finalizes_at=None, last_finalization_error=_shown(error))
        events.emit("invoice.finalization_failed", invoice)


def _shown(error: InvalidRequest) -> Json:
    """A refusal as an object keeps it, without what is not there."""
    fields = {"code": error.code, "message": error.message, "param": error.param, "type": error.type}
    return {name: value for name, value in fields.items() if value is not None}


@register.due("invoice.retry")
def try_again(invoice_id: str) -> None:
    """The next attempt is due."""
    invoice = store.get("invoice", invoice_id)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        attempt(invoice)


def advance_later(invoice: Json, moment: int | None = None) -> None:
    """Have a draft finalized and collected at a moment, in about an hour if none is named."""
    if moment is not None and not clock.now() < moment <= clock.now() + LATEST:
        raise InvalidRequest(
            "An invoice is finalized in the future, and in 5 years at the latest.",
            param="automatically_finalizes_at",
        )
    moment = moment or clock.now() + drafts.DRAFT_TIME
    due_work.unschedule(invoice["id"], "invoice.advance")
    charged = invoice["collection_method"] == "charge_automatically"
    objects.change(
        invoice,
        auto_advance=True,
        automatically_finalizes_at=moment,
        next_payment_attempt=moment if charged else None,
    )
    due_work.schedule(moment, "invoice.advance", invoice["id"])


def _succeeded(intent: Json) -> None:
    invoice = store.get("invoice", intent["_owner"][1])
    if invoice["status"] in ("open", "uncollectible"):
        method = store.get("payment_method", intent["payment_method"])
        _save_default(invoice, method)
        invoices.receive(invoice, intent)


def _save_default(invoice: Json, method: Json) -> None:
    """``save_default_payment_method=on_subscription``: what paid last pays from now on."""
    subscription = drafts.subscription_of(invoice)
    settings = (subscription or {}).get("payment_settings") or {}
    if subscription is not None and settings.get("save_default_payment_method") == "on_subscription":
        event = None if subscription["status"] == "incomplete" else "customer.subscription.updated"
        objects.change(subscription, event, default_payment_method=method["id"])


def _intent_failed(intent: Json) -> None:
    _failed(store.get("invoice", intent["_owner"][1]))


def _failed(invoice: Json) -> None:
    """Say so, and plan the next attempt if Stripe collects by itself."""
    if invoice["status"] != "open":
        return
    events.emit("invoice.payment_failed", invoice)
    days = dunning()["retry_days"]
    number = invoice["attempt_count"]
    automatic = invoice["auto_advance"] and invoice["collection_method"] == "charge_automatically"
    last = automatic and number > len(days)
    upcoming = clock.now() + days[number - 1] * clock.DAY if automatic and not last and number else None
    due_work.unschedule(invoice["id"], "invoice.retry")
    if upcoming is not None:
        due_work.schedule(upcoming, "invoice.retry", invoice["id"])
    changes: Json = {"next_payment_attempt": upcoming}
    if last:
        changes["auto_advance"] = False
    objects.change(invoice, "invoice.updated", **changes)
    after_failure(invoice, last)


#: An invoice as the owner of its payment.
OWNER = IntentOwner(succeeded=_succeeded, failed=_intent_failed)
