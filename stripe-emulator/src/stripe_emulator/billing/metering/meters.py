"""Meters: what is counted of a customer's use. https://docs.stripe.com/api/billing/meter"""

from __future__ import annotations

import hashlib
from typing import Any

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.metering import usage
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "billing.meter"

#: Seconds of the windows that usage can be summed up by.
_WINDOWS = {"day": clock.DAY, "hour": 3600}

#: The most windows of one request.
_MOST_WINDOWS = 2000


@register.post("/v1/billing/meters")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/meter/create"""
    _must_be_free(form["event_name"], "event_name")
    mapping = form.get("customer_mapping") or {"event_payload_key": "stripe_customer_id", "type": "by_id"}
    return objects.create(
        KIND,
        event="billing.meter.created",
        customer_mapping=mapping,
        default_aggregation=form["default_aggregation"],
        display_name=form["display_name"],
        event_name=form["event_name"],
        event_time_window=form.get("event_time_window"),
        status="active",
        updated=clock.now(),
        value_settings=form.get("value_settings") or {"event_payload_key": "value"},
    )


@register.get("/v1/billing/meters/{id}")
def retrieve(form: Form, meter_id: str) -> Json:
    """https://docs.stripe.com/api/billing/meter/retrieve"""
    return store.get(KIND, meter_id)


@register.post("/v1/billing/meters/{id}")
def update(form: Form, meter_id: str) -> Json:
    """https://docs.stripe.com/api/billing/meter/update"""
    meter = store.get(KIND, meter_id)
    return _change(meter, "billing.meter.updated", **objects.patch(meter, form, ("display_name",)))


@register.get("/v1/billing/meters")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/meter/list"""
    return lists.page(KIND, form, url="/v1/billing/meters", only=("status",))


@register.post("/v1/billing/meters/{id}/deactivate")
def deactivate(form: Form, meter_id: str) -> Json:
    """https://docs.stripe.com/api/billing/meter/deactivate: it counts no more, and no price can name it."""
    meter = store.get(KIND, meter_id)
    if meter["status"] != "active":
        raise InvalidRequest("This meter is inactive already.")
    ended = {"deactivated_at": clock.now()}
    return _change(meter, "billing.meter.deactivated", status="inactive", status_transitions=ended)


@register.post("/v1/billing/meters/{id}/reactivate")
def reactivate(form: Form, meter_id: str) -> Json:
    """https://docs.stripe.com/api/billing/meter/reactivate"""
    meter = store.get(KIND, meter_id)
    if meter["status"] == "active":
        raise InvalidRequest("This meter is active already.")
    _must_be_free(meter["event_name"], "id")
    ended = {"deactivated_at": None}
    return _change(meter, "billing.meter.reactivated", status="active", status_transitions=ended)


@register.get("/v1/billing/meters/{id}/event_summaries")
def list_summaries(form: Form, meter_id: str) -> Json:
    """https://docs.stripe.com/api/billing/meter-event-summary/list: one sum, or one for each window."""
    meter = store.get(KIND, meter_id)
    customer = store.named("customer", form["customer"], "customer")
    start, end = form["start_time"], form["end_time"]
    window = _WINDOWS.get(form.get("value_grouping_window", ""))
    step = window or 60
    for name, moment in (("start_time", start), ("end_time", end)):
        if moment % step:
            raise InvalidRequest(
                f"{name} must be aligned with {'minute' if not window else form['value_grouping_window']}"
                " boundaries.",
                param=name,
            )
    if end <= start:
        raise InvalidRequest("end_time must be after start_time.", param="end_time")
    if window and (end - start) // window > _MOST_WINDOWS:
        raise InvalidRequest(f"At most {_MOST_WINDOWS} windows can be asked for at once.", param="end_time")
    bounds = range(start, end, window) if window else [start]
    summaries = [
        _summary(meter, customer["id"], begins, begins + window if window else end) for begins in bounds
    ]
    url = f"/v1/billing/meters/{meter_id}/event_summaries"
    return lists.slice_of(summaries[::-1], form, url=url)


def active_by_event(event_name: str) -> Json | None:
    """The active meter that counts events of this name."""
    meters = store.select(KIND, {"event_name": event_name, "status": "active"}, limit=1)
    return meters[0] if meters else None


def _change(meter: Json, event: str, **fields: Any) -> Json:
    objects.change(meter, updated=clock.now())
    return objects.change(meter, event, **fields)


def _summary(meter: Json, customer_id: str, start: int, end: int) -> Json:
    """What a customer used in a window; the same window has the same id each time."""
    digest = hashlib.sha256(f"{meter['id']} {customer_id} {start} {end}".encode()).hexdigest()
    return {
        "id": f"mtrusg_test_{digest[:26]}",
        "object": "billing.meter_event_summary",
        "aggregated_value": float(usage.total(meter, customer_id, start=start, end=end)),
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


def _must_be_free(event_name: str, param: str) -> None:
    other = active_by_event(event_name)
    if other is not None:
        raise InvalidRequest(
            f"An active meter ({other['id']}) already exists with the event name {event_name}.",
            code="resource_already_exists",
            param=param,
        )
