"""What falls due in a subscription's life: reminders, renewals, ends of trials, cancellations.

A renewal makes a draft and moves the items on at once; Stripe collects it about an hour later.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import collection, drafts, invoices, lines
from stripe_emulator.billing.lifecycle import states
from stripe_emulator.billing.metering import usage
from stripe_emulator.billing.terms import items
from stripe_emulator.core.database import store, undo
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.time.clock import DAY
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import public
from stripe_emulator.events import events, objects

register = Register()

#: Days before a renewal that ``invoice.upcoming`` comes, a setting of the dashboard's at Stripe.
UPCOMING_DAYS = 7
TRIAL_REMINDER = 3 * DAY

#: A subscription is about to renew: a schedule's next phase starts here.
before_renewal: Hook[[Json]] = Hook()


def plan_ahead(subscription: Json) -> None:
    """Schedule what comes next, in place of what was scheduled before."""
    for what in ("renew", "upcoming", "trial_will_end", "cancel"):
        due_work.unschedule(subscription["id"], f"subscription.{what}")
    if subscription["status"] in (*states.ENDED, "paused"):
        return
    name, now = subscription["id"], clock.now()
    renewal = next_renewal(subscription)
    cancel_at = subscription["cancel_at"]
    if subscription["status"] == "trialing" and subscription["trial_end"] - TRIAL_REMINDER > now:
        due_work.schedule(subscription["trial_end"] - TRIAL_REMINDER, "subscription.trial_will_end", name)
    if cancel_at is not None and cancel_at <= renewal:
        due_work.schedule(cancel_at, "subscription.cancel", name)
        return
    if renewal - UPCOMING_DAYS * DAY > now:
        due_work.schedule(renewal - UPCOMING_DAYS * DAY, "subscription.upcoming", name)
    due_work.schedule(renewal, "subscription.renew", name)


def next_renewal(subscription: Json) -> int:
    """When the first of the items ends its period."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def bill_next(subscription: Json, *, recurring_only: bool = False) -> Json:
    """Move the items whose period is over into their next one, and draft the invoice for it.

    :param recurring_only: Leave out what waits, such as prorations.
    """
    now = clock.now()
    customer = store.get("customer", subscription["customer"])
    data = copied(subscription["items"]["data"])
    ended = [item for item in data if item["current_period_end"] <= now]
    before = min((item["current_period_start"] for item in ended), default=now)
    over = {item["id"]: (item["current_period_start"], item["current_period_end"]) for item in ended}
    for item in ended:
        items.place(item, subscription["billing_cycle_anchor"], now)
    waiting = [] if recurring_only else drafts.take_pending(customer, subscription["currency"], subscription)
    renewed = [_renewed(subscription, item, *over[item["id"]]) for item in ended]
    invoice = drafts.new(
        customer,
        subscription["currency"],
        "subscription_cycle",
        [*waiting, *renewed],
        subscription=subscription,
        period_start=before,
        period_end=now,
        **collecting(subscription),
    )
    debits = dict(subscription["_debits"]) | debited(invoice)
    subscription["_debits"] = debits
    subscription["_renewed"] = items.as_list(subscription["id"], data)
    return invoice


def _renewed(subscription: Json, item: Json, start: int, end: int) -> Json:
    """An item's line at a renewal: for what comes, or for what was used until now."""
    if not usage.is_metered(item["price"]):
        return lines.of_period(subscription, item)
    return used(subscription, item, start, end)


def used(subscription: Json, item: Json, start: int, end: int) -> Json:
    """The line of what was used in a period; a trial's use is free."""
    free = subscription["trial_end"] is not None and end <= subscription["trial_end"]
    quantity = 0 if free else usage.of_item(subscription, item, start=start, end=end)
    return lines.of_usage(subscription, item, start, end, quantity, free=free)


def debited(invoice: Json) -> Json:
    """What each item was charged for its running period: what a credit is later computed from."""
    debits: dict[str, list[Json]] = {}
    for line in invoice["lines"]["data"]:
        details = line["parent"]["subscription_item_details"]
        if details and not details["proration"] and line["amount"] > 0 and not _is_usage(line):
            off = sum(discount_amount["amount"] for discount_amount in line["discount_amounts"])
            debits.setdefault(details["subscription_item"], []).append(
                {
                    "amount": line["amount"] - off,
                    **line["period"],
                    "invoice": invoice["id"],
                    "line": line["id"],
                    "price": line["pricing"]["price_details"]["price"],
                    "quantity": line["quantity"],
                }
            )
    return debits


def _is_usage(line: Json) -> bool:
    """Whether a line is for what was used: nothing of it can be unused."""
    price = store.find("price", line["pricing"]["price_details"]["price"])
    return price is not None and usage.is_metered(price)


def collecting(subscription: Json) -> Json:
    """How a subscription's invoices are paid."""
    return {
        "_days_until_due": subscription["days_until_due"],
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": (subscription["payment_settings"] or {}).get("payment_method_options"),
            "payment_method_types": (subscription["payment_settings"] or {}).get("payment_method_types"),
        },
    }


def collect_by_itself(subscription: Json, invoice: Json) -> None:
    """What becomes of a renewal's draft: collected in an hour, or held back while payments are paused."""
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        return
    if paused is None:
        collection.advance_later(invoice)
        return
    invoices.finalize(invoice)
    if invoice["status"] == "open":
        (invoices.void if paused["behavior"] == "void" else invoices.mark_uncollectible)(invoice)


@register.due("subscription.renew")
def renew(subscription_id: str) -> None:
    """A period is over, or a trial."""
    subscription = store.get("subscription", subscription_id)
    before_renewal(subscription)
    if subscription["status"] in (*states.ENDED, "paused"):
        return
    if subscription["status"] == "incomplete":
        return
    if next_renewal(subscription) > clock.now():
        plan_ahead(subscription)
        return
    if subscription["status"] == "trialing" and not leaves_trial(subscription):
        return
    after_trial = subscription["status"] == "trialing"
    invoice = bill_next(subscription)
    if after_trial:
        move_on(subscription, invoice, status="active")
    events.emit("invoice.created", invoice)
    if not after_trial:
        move_on(subscription, invoice)
    collect_by_itself(subscription, invoice)
    plan_ahead(subscription)


def move_on(subscription: Json, invoice: Json, **fields: object) -> None:
    """Show the items in their new periods, and the invoice that billed them."""
    states.change(subscription, items=subscription.pop("_renewed"), latest_invoice=invoice["id"], **fields)


def leaves_trial(subscription: Json) -> bool:
    """Whether the trial turns into a paid period, as ``trial_settings`` says where no card is there."""
    customer = store.get("customer", subscription["customer"])
    settings = (subscription["trial_settings"] or {}).get("end_behavior") or {}
    without_card = settings.get("missing_payment_method", "create_invoice")
    charged = subscription["collection_method"] == "charge_automatically"
    if not charged or without_card == "create_invoice" or collection.default_method(subscription, customer):
        return True
    if without_card == "cancel":
        states.end(subscription, reason="payment_failed")
        return False
    objects.change(subscription, status="paused")
    events.emit("customer.subscription.paused", subscription, previous={"status": "trialing"})
    return False


def bill_usage(subscription: Json) -> Json | None:
    """The draft of a last invoice for what was used until now, with its event; None if that is nothing."""
    if subscription["status"] not in ("active", "past_due"):
        return None
    now = clock.now()
    metered = [item for item in subscription["items"]["data"] if usage.is_metered(item["price"])]
    last = [used(subscription, item, item["current_period_start"], now) for item in metered]
    if not any(line["amount"] for line in last):
        return None
    customer = store.get("customer", subscription["customer"])
    invoice = drafts.new(
        customer,
        subscription["currency"],
        "subscription_cycle",
        last,
        subscription=subscription,
        period_start=min(line["period"]["start"] for line in last),
        period_end=now,
        **collecting(subscription),
    )
    objects.change(subscription, latest_invoice=invoice["id"])
    events.emit("invoice.created", invoice)
    return invoice


@register.due("subscription.cancel")
def cancel_now(subscription_id: str) -> None:
    """The day that ``cancel_at`` names has come."""
    subscription = store.get("subscription", subscription_id)
    if subscription["status"] not in states.ENDED:
        invoice = bill_usage(subscription)
        states.end(subscription, reason="cancellation_requested")
        if invoice is not None:
            collection.advance_later(invoice)


@register.due("subscription.trial_will_end")
def remind_of_trial(subscription_id: str) -> None:
    """Three days before a trial ends, or at its start if it is shorter."""
    subscription = store.get("subscription", subscription_id)
    if subscription["status"] == "trialing":
        events.emit("customer.subscription.trial_will_end", subscription)


@register.due("subscription.upcoming")
def announce(subscription_id: str) -> None:
    """Some days before a renewal: the invoice as it would be."""
    subscription = store.get("subscription", subscription_id)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        return
    with undo.rehearsal():
        rehearsed = store.get("subscription", subscription_id)
        with clock.at(next_renewal(rehearsed)):
            before_renewal(rehearsed)
            upcoming = public(bill_next(rehearsed))
    events.emit("invoice.upcoming", as_upcoming(upcoming))


def as_upcoming(invoice: Json) -> Json:
    """An invoice that is not there yet: ids of its own, and not counted."""
    number = invoice["id"].removeprefix("in_")
    return invoice | {
        "id": f"upcoming_in_{number}",
        "billing_reason": "upcoming",
        "auto_advance": False,
        "created": invoice["period_end"],
        "next_payment_attempt": invoice["period_end"] + drafts.DRAFT_TIME,
    }


@register.due("subscription.resume_collection")
def resume_collection(subscription_id: str) -> None:
    """``pause_collection.resumes_at`` has come."""
    subscription = store.get("subscription", subscription_id)
    if subscription["pause_collection"] is not None:
        states.change(subscription, pause_collection=None)
