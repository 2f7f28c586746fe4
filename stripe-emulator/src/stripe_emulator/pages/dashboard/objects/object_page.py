"""One object: what it is, what belongs to it, what happened to it, and buttons for what may happen next."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue

from stripe_emulator.api.expand import render
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import StripeError
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.controls.clock import coming
from stripe_emulator.pages.dashboard.frame import deliveries_seen
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, missing, page
from stripe_emulator.pages.dashboard.frame.rows import state, title
from stripe_emulator.pages.dashboard.objects import actions, belongings

pages = blueprint("object_page")


@pages.get("/objects/<kind>/<object_id>")
def show(kind: str, object_id: str) -> ResponseReturnValue:
    """One object as the API shows it, with all that belongs to it."""
    return _page(kind, object_id)


@pages.post("/objects/<kind>/<object_id>/<action>")
def act(kind: str, object_id: str, action: str) -> ResponseReturnValue:
    """Do what a button says; a refusal stands on the page."""
    with storage().transaction(write=False):
        value = store.find(kind, object_id)
        chosen = actions.of(value).get(action) if value is not None else None
    if value is None:
        return missing(object_id)
    if chosen is None:
        refusal = "That can't be done any more: the state is another by now."
        return _page(kind, object_id, refusal, 422)
    try:
        chosen.act(storage(), value, request.form)
    except StripeError as error:
        return _page(kind, object_id, error.message, 422)
    return done(f"/objects/{kind}/{object_id}", "done")


def _page(kind: str, object_id: str, error: str = "", status: int = 200) -> ResponseReturnValue:
    if kind == "event":
        return redirect(f"/events/{object_id}", 303)
    with storage().transaction(write=False):
        value = store.find(kind, object_id)
        if value is not None:
            values = {
                "shown": render(value),
                "title": title(value),
                "stands": state(value),
                "sections": belongings.sections(value),
                "named": belongings.named(value),
                "events": deliveries_seen.with_states(belongings.timeline(value), known=object_id),
                "coming": coming(limit=5, object_id=object_id),
                "actions": actions.of(value),
                "links": _links(value),
            }
    if value is None:
        return missing(object_id)
    return page("object", kind=kind, error=error, **values), status


def _links(value: Json) -> list[tuple[str, str]]:
    """The pages that customers see of an object."""
    names = (
        ("url", "Open its page"),
        ("hosted_invoice_url", "Open the invoice"),
        ("receipt_url", "Open the receipt"),
    )
    links = [(label, value[key]) for key, label in names if isinstance(value.get(key), str)]
    return [(label, url) for label, url in links if url.startswith(storage().base_url)]
