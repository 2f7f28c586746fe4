"""Meter events: a customer has used something. https://docs.stripe.com/api/billing/meter-event

Stripe takes them in and counts them within minutes; here they count at once.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from stripe_emulator.api.register import Register
from stripe_emulator.billing.metering import meters, usage
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import thin

register = Register()

#: How far from now an event's time may be, in seconds.
OLDEST, NEWEST = 35 * clock.DAY, 5 * 60

#: Seconds in which an event can still be taken back.
TAKEN_BACK_WITHIN = clock.DAY

MAX_IDENTIFIER = 100


@register.post("/v1/billing/meter_events")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/meter-event/create"""
    return _shown(_report(form, form.get("timestamp")))


@register.post("/v2/billing/meter_events")
def create_v2(form: Form) -> Json:
    """https://docs.stripe.com/api/v2/billing/meter-event/create"""
    moment = thin.moment(form["timestamp"], "timestamp") if "timestamp" in form else None
    report = _report(form, moment)
    shown = _shown(report)
    return {
        **shown,
        "object": "v2.billing.meter_event",
        "created": thin.stamp(shown["created"]),
        "timestamp": thin.stamp(shown["timestamp"]),
    }


@register.post("/v1/billing/meter_event_adjustments")
def adjust(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/meter-event-adjustment/create: an event counts no more."""
    meter = _meter(form["event_name"])
    identifier = (form.get("cancel") or {}).get("identifier")
    if not identifier:
        raise InvalidRequest(
            "Missing required param: cancel[identifier].",
            code="parameter_missing",
            param="cancel[identifier]",
        )
    report = _known(meter, identifier)
    if report is None:
        raise InvalidRequest(
            f"No meter event was found with the identifier {identifier}.",
            code="resource_missing",
            param="cancel[identifier]",
        )
    if report["created"] + TAKEN_BACK_WITHIN < clock.account_now():
        raise InvalidRequest(
            "A meter event can be canceled within 24 hours of being received.", param="cancel[identifier]"
        )
    if report["canceled"]:
        raise InvalidRequest("This meter event is canceled already.", param="cancel[identifier]")
    report["canceled"] = True
    store.save(report)
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": form["event_name"],
        "livemode": False,
        "status": "complete",
        "type": form["type"],
    }


def _report(form: Form, wanted: int | None) -> Json:
    """Count an event.

    :raises InvalidRequest: Nothing counts it, or it can't be counted.
    """
    meter = _meter(form["event_name"])
    payload = form["payload"]
    customer = _customer(meter, payload)
    clock.live_with(customer)
    moment = clock.now() if wanted is None else wanted
    if moment > clock.now() + NEWEST:
        raise InvalidRequest(
            "The timestamp must be within five minutes from now.",
            code="timestamp_in_future",
            param="timestamp",
        )
    if moment < clock.now() - OLDEST:
        raise InvalidRequest(
            "The timestamp must be within the past 35 days.",
            code="timestamp_too_far_in_past",
            param="timestamp",
        )
    identifier = form.get("identifier") or ids.token(32)
    if len(identifier) > MAX_IDENTIFIER:
        raise InvalidRequest(f"An identifier can have up to {MAX_IDENTIFIER} characters.", param="identifier")
    if _known(meter, identifier) is not None:
        raise InvalidRequest(
            f"An event already exists with identifier {identifier}.",
            code="duplicate_meter_event",
            param="identifier",
        )
    return store.save(
        {
            "id": f"{meter['id']}:{identifier}",
            "object": usage.REPORTED,
            "canceled": False,
            "created": clock.account_now(),
            "customer": customer["id"],
            "event_name": meter["event_name"],
            "identifier": identifier,
            "payload": payload,
            "timestamp": moment,
            "value": _value(meter, payload),
            "_parent": meter["id"],
        }
    )


def _meter(event_name: str) -> Json:
    meter = meters.active_by_event(event_name)
    if meter is None:
        raise InvalidRequest(
            f"No active meter found for event name {event_name}.", code="no_meter", param="event_name"
        )
    return meter


def _customer(meter: Json, payload: Json) -> Json:
    key = meter["customer_mapping"]["event_payload_key"]
    if not payload.get(key):
        raise InvalidRequest(
            f"The payload must name the customer as {key}.",
            code="meter_event_no_customer_defined",
            param=f"payload[{key}]",
        )
    customer = store.find("customer", payload[key])
    if customer is None or customer.get("deleted"):
        raise InvalidRequest(
            f"No such customer: '{payload[key]}'",
            code="meter_event_customer_not_found",
            param=f"payload[{key}]",
        )
    return customer


def _value(meter: Json, payload: Json) -> str:
    """The number of an event as text; a meter that counts events needs none."""
    key = meter["value_settings"]["event_payload_key"]
    if meter["default_aggregation"]["formula"] == "count":
        return "1"
    if key not in payload:
        raise InvalidRequest(
            f"The payload must have a value as {key}.",
            code="meter_event_value_not_found",
            param=f"payload[{key}]",
        )
    try:
        value = Decimal(str(payload[key]))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) >= Decimal(10) ** 15:
        raise InvalidRequest(
            f"The value must be a number: {str(payload[key])[:40]}.",
            code="meter_event_invalid_value",
            param=f"payload[{key}]",
        )
    return str(value)


def _known(meter: Json, identifier: str) -> Json | None:
    return store.find(usage.REPORTED, f"{meter['id']}:{identifier}")


def _shown(report: Json) -> Json:
    return {
        "object": "billing.meter_event",
        "created": report["created"],
        "event_name": report["event_name"],
        "identifier": report["identifier"],
        "livemode": False,
        "payload": report["payload"],
        "timestamp": report["timestamp"],
    }
