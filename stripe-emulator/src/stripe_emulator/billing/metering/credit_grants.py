"""Billing credits: money that a customer has for what they use.

https://docs.stripe.com/api/billing/credit-grant

A grant counts from ``effective_at`` until it expires.
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.metering.credit_balance import KIND, customer_of, forfeit, record, scope_of
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: Grants of a customer that can be unused at once.
MOST = 100

DEFAULT_PRIORITY, LOWEST_PRIORITY = 50, 100


@register.post("/v1/billing/credit_grants")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/credit-grant/create"""
    customer = customer_of(form)
    clock.live_with(customer)
    amount = _amount(form["amount"])
    begins: int = form.get("effective_at", clock.now())
    ends: int | None = form.get("expires_at")
    if ends is not None and ends <= max(begins, clock.now()):
        raise InvalidRequest("expires_at must be in the future, after effective_at.", param="expires_at")
    priority = form.get("priority", DEFAULT_PRIORITY)
    if not 0 <= priority <= LOWEST_PRIORITY:
        raise InvalidRequest(f"priority must be between 0 and {LOWEST_PRIORITY}.", param="priority")
    open_grants = [grant for grant in store.select(KIND, {"customer": customer["id"]}) if grant["_left"]]
    if len(open_grants) >= MOST:
        raise InvalidRequest(f"A customer can have up to {MOST} unused credit grants.", param="customer")
    grant = objects.create(
        KIND,
        amount=amount,
        applicability_config={"scope": scope_of(form["applicability_config"]["scope"])},
        category=form.get("category", "paid"),
        customer=customer["id"],
        effective_at=begins,
        expires_at=ends,
        metadata=form.get("metadata"),
        name=form.get("name"),
        priority=priority,
        test_clock=customer.get("test_clock"),
        updated=clock.now(),
        _left=amount["monetary"]["value"],
    )
    events.emit("billing.credit_grant.created", grant)
    record(grant, "credit", "credits_granted", amount["monetary"]["value"], effective_at=begins)
    _plan_end(grant)
    return grant


@register.get("/v1/billing/credit_grants/{id}")
def retrieve(form: Form, grant_id: str) -> Json:
    """https://docs.stripe.com/api/billing/credit-grant/retrieve"""
    return store.get(KIND, grant_id)


@register.post("/v1/billing/credit_grants/{id}")
def update(form: Form, grant_id: str) -> Json:
    """https://docs.stripe.com/api/billing/credit-grant/update"""
    grant = _grant(grant_id)
    if "expires_at" in form:
        _must_run(grant)
    changes = objects.patch(grant, form, ("expires_at",))
    if changes.get("expires_at") is not None and changes["expires_at"] <= clock.now():
        raise InvalidRequest("expires_at must be in the future.", param="expires_at")
    _change(grant, **changes)
    _plan_end(grant)
    return grant


@register.get("/v1/billing/credit_grants")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/credit-grant/list"""
    return lists.page(KIND, form, url="/v1/billing/credit_grants", only=("customer",))


@register.post("/v1/billing/credit_grants/{id}/expire")
def expire(form: Form, grant_id: str) -> Json:
    """https://docs.stripe.com/api/billing/credit-grant/expire, now"""
    grant = _grant(grant_id)
    _must_run(grant)
    due_work.unschedule(grant_id)
    _change(grant, expires_at=clock.now())
    forfeit(grant, "credits_expired")
    return grant


@register.post("/v1/billing/credit_grants/{id}/void")
def void(form: Form, grant_id: str) -> Json:
    """https://docs.stripe.com/api/billing/credit-grant/void; only while nothing of it is used."""
    grant = _grant(grant_id)
    _must_run(grant)
    if grant["_left"] != grant["amount"]["monetary"]["value"]:
        raise InvalidRequest("A credit grant that was used can't be voided; expire it instead.")
    due_work.unschedule(grant_id)
    _change(grant, voided_at=clock.now())
    forfeit(grant, "credits_voided")
    return grant


@register.due("credit_grant.expire")
def expire_in_time(grant_id: str) -> None:
    """What is left of a grant on its last day is gone."""
    forfeit(store.get(KIND, grant_id), "credits_expired")


def _grant(grant_id: str) -> Json:
    grant = store.get(KIND, grant_id)
    clock.live_with(grant)
    return grant


def _amount(form: Form) -> Json:
    given = form.get("monetary")
    if not given:
        raise InvalidRequest(
            "Missing required param: amount[monetary].", code="parameter_missing", param="amount[monetary]"
        )
    if given["value"] < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount[monetary][value]",
        )
    currency = money.currency(given["currency"], "amount[monetary][currency]")
    return {"monetary": {"currency": currency, "value": given["value"]}, "type": "monetary"}


def _change(grant: Json, **fields: Any) -> None:
    objects.change(grant, updated=clock.now())
    objects.change(grant, "billing.credit_grant.updated", **fields)


def _must_run(grant: Json) -> None:
    ended = grant["expires_at"] is not None and grant["expires_at"] <= clock.now()
    if ended or grant["voided_at"] is not None:
        raise InvalidRequest(f"This credit grant is {'expired' if ended else 'voided'} already.")


def _plan_end(grant: Json) -> None:
    due_work.unschedule(grant["id"])
    if grant["expires_at"] is not None:
        due_work.schedule(grant["expires_at"], "credit_grant.expire", grant["id"])
