"""Thin events, newest first. https://docs.stripe.com/api/v2/core/events"""

from __future__ import annotations

from functools import cache

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import thin

register = Register()


@cache
def snapshot_types() -> list[str]:
    """The types of snapshot events that have a thin twin."""
    return [kind.removeprefix("v1.") for kind in sorted(contract.thin_types()) if kind.startswith("v1.")]


@register.get("/v2/core/events/{id}")
def retrieve(form: Form, event_id: str) -> Json:
    """https://docs.stripe.com/api/v2/core/events/retrieve"""
    return thin.get(event_id)


@register.get("/v2/core/events")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/v2/core/events/list"""
    types = [kind.removeprefix("v1.") for kind in form["types"]] if "types" in form else snapshot_types()
    where: Json = {"type": [kind for kind in types if thin.has_twin(kind)]}
    if "object_id" in form:
        where["data.object.id"] = form["object_id"]
    first: Json = {"limit": form.get("limit", 20)}
    if "created" in form:
        first["created"] = {
            bound: thin.moment(stamp, f"created[{bound}]") for bound, stamp in form["created"].items()
        }
    if "page" in form:
        first["starting_after"] = thin.snapshot_id(form["page"])
    rows = lists.page("event", first, url="", where=where)
    rows["data"] = [thin.twin_of(event) for event in rows["data"]]
    return lists.page_v2(rows, form, url="/v2/core/events")
