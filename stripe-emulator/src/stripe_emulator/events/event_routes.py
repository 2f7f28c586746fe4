"""Events: what happened, newest first. https://docs.stripe.com/api/events"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import store
from stripe_emulator.core.conditions import Among
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()


@register.get("/v1/events/{id}")
def retrieve(form: Form, event_id: str) -> Json:
    """https://docs.stripe.com/api/events/retrieve"""
    return store.get("event", event_id)


@register.get("/v1/events")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/events/list"""
    where: Json = {"type": form["types"]} if "types" in form else {}
    if "delivery_success" in form:
        missed = "SELECT DISTINCT event FROM delivery WHERE status <> 'delivered'"
        where["id"] = Among(missed, inside=not form["delivery_success"])
    return lists.page("event", form, url="/v1/events", where=where, only=("type",))


@register.computed("event")
def still_pending(event: Json) -> Json:
    """How many endpoints have not yet answered with a 2xx."""
    sql = "SELECT count(*) FROM delivery WHERE event = ? AND status = 'pending'"
    return {"pending_webhooks": store.current().execute(sql, (event["id"],)).fetchone()[0]}
