"""Subscription schedules: what a subscription becomes, and when.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.lifecycle import cycle, start, states
from stripe_emulator.billing.schedules import phase_updates
from stripe_emulator.billing.subscriptions import change_forms, updates
from stripe_emulator.billing.terms import items
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects

register = Register()

#: Seconds before its end that Stripe says that a schedule expires.
EXPIRY_REMINDER = 7 * clock.DAY

#: States that a schedule does not leave.
OVER = ("canceled", "completed", "released")


def plan_ahead(schedule: Json) -> None:
    """Show which phase runs, and schedule the next change."""
    due_work.unschedule(schedule["id"])
    if schedule["status"] in OVER:
        return
    now = clock.now()
    current = next(
        (phase for phase in schedule["phases"] if phase["start_date"] <= now < phase["end_date"]), None
    )
    shown = current and {"start_date": current["start_date"], "end_date": current["end_date"]}
    objects.change(schedule, current_phase=shown if schedule["status"] == "active" else None)
    changes = [moment for phase in schedule["phases"] for moment in (phase["start_date"], phase["end_date"])]
    next_change = min((moment for moment in changes if moment > now), default=now)
    due_work.schedule(next_change, "subscription_schedule.phase", schedule["id"])
    expires = schedule["phases"][-1]["end_date"]
    if expires - EXPIRY_REMINDER > now:
        due_work.schedule(expires - EXPIRY_REMINDER, "subscription_schedule.expiring", schedule["id"])


def enter_due(subscription: Json) -> None:
    """Before a renewal: let the schedule change the subscription, if its phase is over now."""
    schedule = store.find("subscription_schedule", subscription["schedule"] or "")
    if schedule is not None:
        advance(schedule)


def next_start(subscription: Json, after: int) -> int | None:
    """When the next phase of the subscription's schedule begins, if it has one."""
    schedule = store.find("subscription_schedule", subscription["schedule"] or "")
    if schedule is None or schedule["status"] in OVER:
        return None
    return min(
        (phase["start_date"] for phase in schedule["phases"] if phase["start_date"] > after), default=None
    )


def advance(schedule: Json) -> None:
    """Bring the subscription into the phase that runs now, or end the schedule after its last."""
    if schedule["status"] in OVER:
        return
    now = clock.now()
    if now >= schedule["phases"][-1]["end_date"]:
        _end(schedule)
        return
    index = next(n for n, phase in enumerate(schedule["phases"]) if now < phase["end_date"])
    phase = schedule["phases"][index]
    if phase["start_date"] > now:
        plan_ahead(schedule)
        return
    if schedule["status"] == "not_started":
        begin(schedule)
    elif (schedule["current_phase"] or {}).get("start_date") != phase["start_date"]:
        enter(schedule, phase)
        plan_ahead(schedule)
        events.emit("subscription_schedule.updated", schedule)


def begin(schedule: Json) -> None:
    """The first phase starts: now there is a subscription."""
    phase = schedule["phases"][0]
    customer = store.get("customer", schedule["customer"])
    form: Json = {
        "items": [phase_updates.form_of(item) for item in phase["items"]],
        "currency": phase["currency"],
        "discounts": [phase_updates.without_nulls(discount) for discount in phase["discounts"]],
        "metadata": phase["metadata"],
        "add_invoice_items": phase_updates.forms_of_extras(phase),
        "billing_mode": schedule["billing_mode"],
    }
    defaults = schedule["default_settings"]
    method = phase["default_payment_method"] or defaults["default_payment_method"]
    if method:
        form["default_payment_method"] = method
    if phase["trial_end"]:
        form["trial_end"] = phase["trial_end"]
    if (phase["collection_method"] or defaults["collection_method"]) == "send_invoice":
        form |= {
            "collection_method": "send_invoice",
            "days_until_due": defaults["invoice_settings"]["days_until_due"],
        }
    subscription, invoice = start.subscribe(customer, form)
    objects.change(schedule, status="active", subscription=subscription["id"])
    start.collect_first(subscription, invoice, "allow_incomplete")
    attach(schedule, subscription)


def attach(schedule: Json, subscription: Json) -> None:
    """Join the two, and show the day that the schedule will cancel on."""
    objects.change(schedule, status="active", subscription=subscription["id"])
    plan_ahead(schedule)
    show_end(schedule, subscription)


def show_end(schedule: Json, subscription: Json) -> None:
    """The subscription names its schedule, and the day that it will be canceled on by it."""
    ends = schedule["phases"][-1]["end_date"] if schedule["end_behavior"] == "cancel" else None
    states.change(subscription, schedule=schedule["id"], cancel_at=ends)
    cycle.plan_ahead(subscription)


def enter(schedule: Json, phase: Json, behavior: str | None = None) -> None:
    """Change the subscription into what a phase says."""
    subscription = store.get("subscription", schedule["subscription"])
    form: Json = {
        "items": phase_updates.difference(subscription, phase),
        "proration_behavior": behavior or phase["proration_behavior"],
    }
    for name in ("default_payment_method", "description", "default_tax_rates"):
        if phase[name]:
            form[name] = phase[name]
    if phase["metadata"]:
        form["metadata"] = phase["metadata"]
    # A phase that names none has none, whatever the subscription had:
    # https://docs.stripe.com/api/subscription_schedules/update
    form["discounts"] = [phase_updates.without_nulls(discount) for discount in phase["discounts"]]
    if phase["trial_end"] and phase["trial_end"] > clock.now():
        form["trial_end"] = phase["trial_end"]
    if phase["add_invoice_items"]:
        form["add_invoice_items"] = phase_updates.forms_of_extras(phase)
    if clock.now() >= cycle.next_renewal(subscription) and "trial_end" not in form:
        _enter_at_boundary(subscription, form, phase)
    else:
        updates.update(subscription, form)


def _enter_at_boundary(subscription: Json, form: Json, phase: Json) -> None:
    """The period is over as well: nothing to prorate, and the renewal that follows bills the new."""
    customer = store.get("customer", subscription["customer"])
    before = {item["id"]: periods.of_price(item["price"]) for item in subscription["items"]["data"]}
    data = items.changed(subscription, form["items"], customer)
    fields: Json = items.shown(subscription["id"], data)
    moved = any(
        before.get(item["id"], periods.of_price(item["price"])) != periods.of_price(item["price"])
        for item in data
    )
    if moved or phase["billing_cycle_anchor"] == "phase_start":
        fields["billing_cycle_anchor"] = clock.now()
    for item in data:
        if item["current_period_end"] is None:
            item["current_period_start"] = item["current_period_end"] = clock.now()
    start.add_invoice_items(subscription, customer, form)
    kept = change_forms.kept(subscription, form, customer)
    states.change(subscription, **kept, **fields)


def release(schedule: Json, *, keep_cancel_date: bool = False) -> Json:
    """Let the subscription go on without the schedule."""
    subscription = store.find("subscription", schedule["subscription"] or "")
    due_work.unschedule(schedule["id"])
    objects.change(
        schedule,
        current_phase=None,
        released_at=clock.now(),
        released_subscription=schedule["subscription"],
        status="released",
        subscription=None,
    )
    if subscription is not None:
        _detach(subscription, keep_cancel_date)
    events.emit("subscription_schedule.released", schedule)
    return schedule


def call_off(schedule: Json, *, event: str = "subscription_schedule.canceled") -> Json:
    """Cancel a schedule; who calls this has ended its subscription, or there was none."""
    due_work.unschedule(schedule["id"])
    objects.change(schedule, canceled_at=clock.now(), current_phase=None, status="canceled")
    events.emit(event, schedule)
    return schedule


def call_off_all_of(customer: Json) -> None:
    """A customer who is deleted takes along the schedules that have not begun."""
    for schedule in store.select("subscription_schedule", {"customer": customer["id"]}):
        if schedule["status"] not in OVER:
            call_off(schedule)


@register.due("subscription_schedule.expiring")
def remind_of_end(schedule_id: str) -> None:
    """A week before the last phase ends."""
    schedule = store.get("subscription_schedule", schedule_id)
    if schedule["status"] not in OVER:
        events.emit("subscription_schedule.expiring", schedule)


@register.due("subscription_schedule.phase")
def phase_is_over(schedule_id: str) -> None:
    """A phase begins or ends."""
    schedule = store.get("subscription_schedule", schedule_id)
    advance(schedule)
    if schedule["status"] not in OVER:
        plan_ahead(schedule)


def _end(schedule: Json) -> None:
    """After the last phase: the subscription goes on alone, or ends."""
    subscription = store.find("subscription", schedule["subscription"] or "")
    cancels = schedule["end_behavior"] == "cancel"
    due_work.unschedule(schedule["id"])
    objects.change(
        schedule,
        completed_at=clock.now(),
        current_phase=None,
        released_subscription=None if cancels else schedule["subscription"],
        status="completed",
    )
    if subscription is not None and cancels and subscription["status"] not in states.ENDED:
        states.end(subscription, reason="cancellation_requested")
    elif subscription is not None:
        _detach(subscription, keep_cancel_date=False)
    events.emit("subscription_schedule.completed", schedule)


def _detach(subscription: Json, keep_cancel_date: bool) -> None:
    if subscription["status"] in states.ENDED:
        return
    kept = {} if keep_cancel_date else {"cancel_at": None}
    states.change(subscription, schedule=None, **kept)
    cycle.plan_ahead(subscription)


def subscription_ended(subscription: Json) -> None:
    """A subscription that is canceled takes its schedule along."""
    schedule = store.find("subscription_schedule", subscription["schedule"] or "")
    if schedule is None or schedule["status"] in OVER:
        return
    unpaid = (subscription["cancellation_details"] or {}).get("reason") == "payment_failed"
    call_off(schedule, event=f"subscription_schedule.{'aborted' if unpaid else 'canceled'}")
