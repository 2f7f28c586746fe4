"""Events: what happened, newest first. https://docs.stripe.com/api/events"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.database.conditions import Among, Like
from stripe_emulator.core.errors import NotFound, no_such, only_one_of
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()

#: How long Stripe tells what happened.
KEPT_DAYS = 30


@register.get("/v1/events/{id}")
def retrieve(form: Form, event_id: str) -> Json:
    """https://docs.stripe.com/api/events/retrieve"""
    event = store.get("event", event_id)
    if event["created"] < _oldest():
        raise NotFound(no_such("event", event_id), code="resource_missing", param="id")
    return event


@register.get("/v1/events")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/events/list"""
    where: Json = {"created": {"gte": _oldest()}}
    if "type" in form and "types" in form:
        raise only_one_of("type", "types", param="types")
    if "types" in form:
        where["type"] = form["types"]
    if "type" in form:
        where["type"] = Like(form["type"]) if form["type"].endswith("*") else form["type"]
    if "delivery_success" in form:
        missed = "SELECT DISTINCT event FROM delivery WHERE status <> 'delivered'"
        where["id"] = Among(missed, inside=not form["delivery_success"])
    return lists.page("event", form, url="/v1/events", where=where)


def _oldest() -> int:
    """The moment before which Stripe no longer tells what happened."""
    return clock.account_now() - KEPT_DAYS * clock.DAY


@register.computed("event")
def still_pending(event: Json) -> Json:
    """How many endpoints have not yet answered with a 2xx."""
    sql = "SELECT count(*) FROM delivery WHERE event = ? AND status = 'pending'"
    return {"pending_webhooks": transactions.current().execute(sql, (event["id"],)).fetchone()[0]}
