"""Subscription schedules: changes that wait for their day. https://docs.stripe.com/api/subscription_schedules"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.lifecycle import endings, states
from stripe_emulator.billing.schedules import phase_forms, phases, schedule_changes
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "subscription_schedule"


@register.post("/v1/subscription_schedules")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/subscription_schedules/create"""
    schedule_changes.refuse_what_is_missing(form)
    if "from_subscription" in form:
        return _from_subscription(form)
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = store.named("customer", form["customer"], "customer")
    clock.live_with(customer)
    wanted = form.get("start_date", "now")
    begins = clock.now() if wanted == "now" else clock.check(wanted, "start_date")
    made = phase_forms.read(form.get("phases") or [], begins)
    schedule = schedule_changes.create(customer, made, form.get("end_behavior", "release"), form)
    if begins <= clock.now():
        phases.begin(schedule)
    else:
        phases.plan_ahead(schedule)
    return schedule


@register.get("/v1/subscription_schedules/{schedule}")
def retrieve(form: Form, schedule_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_schedules/retrieve"""
    return store.get(KIND, schedule_id, param="schedule")


@register.post("/v1/subscription_schedules/{schedule}")
def update(form: Form, schedule_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_schedules/update"""
    return schedule_changes.change(_schedule(schedule_id), form)


@register.post("/v1/subscription_schedules/{schedule}/cancel")
def cancel(form: Form, schedule_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_schedules/cancel; its subscription ends with it."""
    schedule = _open(schedule_id, "cancel")
    subscription = store.find("subscription", schedule["subscription"] or "")
    if subscription is None or subscription["status"] in states.ENDED:
        return phases.call_off(schedule)
    now = form.get("invoice_now", True)
    endings.cancel(subscription, {"invoice_now": now, "prorate": form.get("prorate", True)})
    return schedule


@register.post("/v1/subscription_schedules/{schedule}/release")
def release(form: Form, schedule_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_schedules/release; its subscription goes on alone."""
    return phases.release(
        _open(schedule_id, "release"), keep_cancel_date=form.get("preserve_cancel_date", False)
    )


@register.get("/v1/subscription_schedules")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/subscription_schedules/list"""
    where: Json = {"status": "not_started"} if form.get("scheduled") else {}
    only = ("canceled_at", "completed_at", "customer", "released_at")
    return lists.page(KIND, form, url="/v1/subscription_schedules", where=where, only=only)


def _from_subscription(form: Form) -> Json:
    """A schedule of one phase, just as the subscription is; an update adds what comes after."""
    if other := sorted(form.keys() - {"from_subscription", "billing_mode", "expand", "metadata"}):
        raise InvalidRequest(
            f"You cannot set `{other[0]}` when using `from_subscription`; update the schedule afterwards.",
            param=other[0],
        )
    subscription = store.named("subscription", form["from_subscription"], "from_subscription")
    clock.live_with(subscription)
    if subscription["status"] in states.ENDED or subscription["schedule"]:
        raise InvalidRequest(
            "You cannot migrate a subscription that is already attached to a schedule or that has ended:"
            f" {subscription['id']}",
            param="from_subscription",
        )
    customer = store.get("customer", subscription["customer"])
    ends = "cancel" if subscription["cancel_at_period_end"] else "release"
    schedule = schedule_changes.create(customer, [phase_forms.of_subscription(subscription)], ends, form)
    objects.change(schedule, billing_mode=subscription["billing_mode"])
    phases.attach(schedule, subscription)
    return schedule


def _schedule(schedule_id: str) -> Json:
    """The schedule that the URL names, on its own clock."""
    schedule = store.get(KIND, schedule_id, param="schedule")
    clock.live_with(schedule)
    return schedule


def _open(schedule_id: str, verb: str) -> Json:
    schedule = _schedule(schedule_id)
    if schedule["status"] in phases.OVER:
        raise InvalidRequest(
            f"You cannot {verb} a subscription schedule that is currently in the `{schedule['status']}`"
            " status.",
            param="schedule",
        )
    return schedule
