"""Endpoints: who listens, to what, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound
from stripe_emulator.events import failing_endpoints, listeners, objects, webhook_endpoints
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, missing, page

pages = blueprint("webhooks")


@pages.get("/webhooks")
def show() -> ResponseReturnValue:
    """Who listens, and a form for one more."""
    return _page({})


@pages.post("/webhooks")
def add() -> ResponseReturnValue:
    """One more who listens."""
    form = request.form
    types = [part.strip() for part in form.get("enabled_events", "").split(",") if part.strip()]
    try:
        with storage().transaction():
            webhook_endpoints.new(form.get("url", "").strip(), types or ["*"])
    except InvalidRequest:
        return _page(form, "Enter a whole URL, such as http://127.0.0.1:5000/webhook."), 422
    return done("/webhooks", "added")


@pages.post("/webhooks/<endpoint_id>")
def change(endpoint_id: str) -> ResponseReturnValue:
    """Disable it, enable it, or take it away."""
    wish = request.form.get("do")
    try:
        with storage().transaction():
            endpoint = store.get("webhook_endpoint", endpoint_id)
            if wish == "remove":
                objects.delete(endpoint)
            else:
                objects.change(endpoint, **webhook_endpoints.switched(on=wish != "disable"))
    except NotFound:
        return missing(endpoint_id)
    return done("/webhooks", "removed" if wish == "remove" else "changed")


def _page(typed: Mapping[str, Any], error: str = "") -> str:
    """The endpoints, and the form as it was typed if something is wrong with it."""
    with storage().transaction(write=False) as transaction:
        endpoints = [
            {
                **endpoint,
                "secret": endpoint["_secret"],
                "url": listeners.url_of(endpoint),
                "failing": failing_endpoints.warning(endpoint),
                "counts": dict(
                    transaction.execute(
                        "SELECT status, count(*) FROM delivery WHERE endpoint = ? GROUP BY status",
                        (endpoint["id"],),
                    )
                ),
            }
            for endpoint in listeners.endpoints(also_disabled=True)
        ]
    return page("webhooks", endpoints=endpoints, typed=typed, error=error)
