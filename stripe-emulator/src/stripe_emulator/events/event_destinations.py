"""Event destinations: who hears of events, by snapshots or by thin events. https://docs.stripe.com/api/v2/core/event_destinations

Webhook endpoints of the newer kind, beside those of ``webhook_endpoints.py``; events go to both.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import checked
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import objects, thin
from stripe_emulator.events.webhook_endpoints import check_url

register = Register()

KIND = "v2.core.event_destination"
URL = "/v2/core/event_destinations"


@register.post("/v2/core/event_destinations")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/create"""
    if form["type"] != "webhook_endpoint":
        raise NotEmulated(f"event destinations of type {form['type']}", param="type")
    if "webhook_endpoint" not in form:
        raise InvalidRequest(
            "A webhook_endpoint is required.", code="parameter_missing", param="webhook_endpoint"
        )
    url = form["webhook_endpoint"]["url"]
    check_url(url, "webhook_endpoint[url]")
    _check_events(form)
    if "snapshot_api_version" in form:
        checked(form["snapshot_api_version"], "snapshot_api_version")
    now = thin.stamp(clock.now())
    destination = objects.create(
        KIND,
        created=now,
        description=form.get("description", ""),
        enabled_events=form["enabled_events"],
        event_payload=form["event_payload"],
        events_from=form.get("events_from") or ["@self"],
        metadata=form.get("metadata"),
        name=form["name"],
        snapshot_api_version=form.get("snapshot_api_version"),
        status="enabled",
        type=form["type"],
        updated=now,
        webhook_endpoint={"signing_secret": None, "url": None},
        _secret=f"whsec_{ids.token(32)}",
        _url=url,
    )
    return _shown(destination, form)


@register.get("/v2/core/event_destinations/{id}")
def retrieve(form: Form, destination_id: str) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/retrieve"""
    return _shown(store.get(KIND, destination_id), form, secret=False)


@register.post("/v2/core/event_destinations/{id}")
def update(form: Form, destination_id: str) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/update"""
    destination = store.get(KIND, destination_id)
    changes = objects.patch(destination, form, ("description", "enabled_events", "name"))
    if "webhook_endpoint" in form:
        changes["_url"] = form["webhook_endpoint"]["url"]
        check_url(changes["_url"], "webhook_endpoint[url]")
    _check_events(form | {"event_payload": destination["event_payload"]})
    return _shown(_change(destination, **changes), form, secret=False)


@register.post("/v2/core/event_destinations/{id}/disable")
def disable(form: Form, destination_id: str) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/disable; nothing is sent until it is enabled."""
    return _change(
        store.get(KIND, destination_id), status="disabled", status_details={"disabled": {"reason": "user"}}
    )


@register.post("/v2/core/event_destinations/{id}/enable")
def enable(form: Form, destination_id: str) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/enable"""
    return _change(
        store.get(KIND, destination_id), status="enabled", status_details=None, _failing_since=None
    )


@register.get("/v2/core/event_destinations")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/list"""
    page = {"starting_after": form["page"]} if "page" in form else {}
    rows = lists.page(KIND, {"limit": form.get("limit", 20), **page}, url="")
    rows["data"] = [_shown(row, form, secret=False) for row in rows["data"]]
    return lists.page_v2(rows, form, url=URL)


@register.delete("/v2/core/event_destinations/{id}")
def remove(form: Form, destination_id: str) -> Json:
    """https://docs.stripe.com/api/v2/core/event_destinations/delete"""
    stub = objects.delete(store.get(KIND, destination_id))
    return {"id": stub["id"], "object": KIND}


def _change(destination: Json, **changes: object) -> Json:
    return objects.change(destination, **changes, updated=thin.stamp(clock.now()))


def _shown(destination: Json, form: Form, *, secret: bool = True) -> Json:
    """The destination with what ``include`` asks for; its secret only when it is created."""
    wanted = form.get("include", ())
    return public(destination) | {
        "webhook_endpoint": {
            "signing_secret": destination["_secret"]
            if secret and "webhook_endpoint.signing_secret" in wanted
            else None,
            "url": destination["_url"] if "webhook_endpoint.url" in wanted else None,
        }
    }


def _check_events(form: Form) -> None:
    """Thin events have names of their own: ``v1.charge.failed`` where a snapshot is ``charge.failed``."""
    for index, kind in enumerate(form.get("enabled_events", ())):
        if kind != "*" and (form["event_payload"] == "thin") != kind.startswith(("v1.", "v2.")):
            raise InvalidRequest(
                f"{kind} is no {form['event_payload']} event.", param=f"enabled_events[{index}]"
            )
