"""A schedule is made or changed, as a form asks. https://docs.stripe.com/api/subscription_schedules/update"""

from __future__ import annotations

from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.billing.schedules import phase_forms, phase_updates, phases
from stripe_emulator.billing.terms import items, terms
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects


def rehearse(form: Json, customer: Json) -> Json | None:
    """For a preview: the schedule as it is or would be changed; the subscription that it moves."""
    details = form.get("schedule_details") or {}
    if "schedule" in form:
        schedule = store.named("subscription_schedule", form["schedule"], "schedule")
        change(schedule, details)
    else:
        planned = phase_forms.read(details.get("phases") or [], clock.now())
        schedule = create(customer, planned, details.get("end_behavior", "release"), {})
        if planned[0]["start_date"] <= clock.now():
            phases.begin(schedule)
    return store.find("subscription", schedule["subscription"] or "")


def refuse_what_is_missing(form: Json) -> None:
    """:raises NotEmulated: The form asks for something that the emulator would not do."""
    if form.get("pause_schedules"):
        raise NotEmulated("subscription schedules with pause_schedules", param="pause_schedules")
    for phase in form.get("phases") or []:
        terms.refuse_what_is_missing(phase)
        _refuse_automatic_tax(phase)
    terms.refuse_what_is_missing(form.get("default_settings") or {})
    _refuse_automatic_tax(form.get("default_settings") or {})


def _refuse_automatic_tax(form: Json) -> None:
    """What the subscription has is what holds."""
    if automatic_tax.is_wanted(form):
        raise NotEmulated("phases with automatic_tax", param="automatic_tax")


def create(customer: Json, planned: list[Json], end_behavior: str, form: Json) -> Json:
    """A schedule that has not started, with its event."""
    mode = terms.billing_mode(form)
    _check_mode(planned, mode)
    return objects.create(
        "subscription_schedule",
        event="subscription_schedule.created",
        billing_mode=mode,
        customer=customer["id"],
        default_settings=phase_forms.default_settings(form.get("default_settings") or {}),
        end_behavior=_ends(end_behavior),
        metadata=form.get("metadata"),
        pause_schedules=[],
        phases=planned,
        status="not_started",
        test_clock=customer.get("test_clock"),
    )


def change(schedule: Json, form: Json) -> Json:
    """New phases, or another end; what concerns the running phase happens at once."""
    refuse_what_is_missing(form)
    if schedule["status"] in phases.OVER:
        raise InvalidRequest(
            f"You cannot update a subscription schedule that is currently in the `{schedule['status']}`"
            " status.",
            param="schedule",
        )
    fields = objects.patch(schedule, form, ())
    if "phases" in form:
        known = schedule["phases"]
        fields["phases"] = phase_forms.read(form["phases"], known[0]["start_date"], known)
        _check_mode(fields["phases"], schedule["billing_mode"])
    if "end_behavior" in form:
        fields["end_behavior"] = _ends(form["end_behavior"])
    if "default_settings" in form:
        fields["default_settings"] = schedule["default_settings"] | phase_forms.default_settings(
            form["default_settings"]
        )
    objects.change(schedule, "subscription_schedule.updated", **fields)
    phases.plan_ahead(schedule)
    if schedule["status"] == "active":
        subscription = store.get("subscription", schedule["subscription"])
        now = clock.now()
        running = next(
            (phase for phase in schedule["phases"] if phase["start_date"] <= now < phase["end_date"]), None
        )
        behavior = form.get("proration_behavior")
        if running is not None and phase_updates.differs(subscription, running):
            phases.enter(schedule, running, behavior)
        phases.show_end(schedule, subscription)
    return schedule


def _check_mode(planned: list[Json], billing_mode: Json) -> None:
    for number, phase in enumerate(planned):
        priced = [{"price": store.get("price", item["price"])} for item in phase["items"]]
        items.check_mode(priced, billing_mode, f"phases[{number}][items]")


def _ends(wanted: object) -> str:
    """What comes after the last phase. What older accounts send went unread by the contract."""
    words = {"cancel": "cancel", "none": "release", "release": "release", "renew": "renew"}
    if not isinstance(wanted, str) or wanted not in words:
        raise InvalidRequest("Invalid end_behavior: must be cancel or release.", param="end_behavior")
    return words[wanted]
