"""Webhook endpoints: who hears of events. https://docs.stripe.com/api/webhook_endpoints"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import checked
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import objects

register = Register()

#: How many endpoints an account may have.
MOST = 16


@register.post("/v1/webhook_endpoints")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/webhook_endpoints/create; only this answer shows the secret."""
    if form.get("connect"):
        raise NotEmulated("webhook endpoints of Connect", param="connect")
    endpoint = new(
        form["url"],
        form["enabled_events"],
        api_version=checked(form["api_version"], "api_version") if "api_version" in form else None,
        description=form.get("description") or None,
        metadata=form.get("metadata"),
    )
    return {**public(endpoint), "secret": endpoint["_secret"]}


@register.get("/v1/webhook_endpoints/{webhook_endpoint}")
def retrieve(form: Form, webhook_endpoint_id: str) -> Json:
    """https://docs.stripe.com/api/webhook_endpoints/retrieve"""
    return store.get("webhook_endpoint", webhook_endpoint_id, param="webhook_endpoint")


@register.post("/v1/webhook_endpoints/{webhook_endpoint}")
def update(form: Form, webhook_endpoint_id: str) -> Json:
    """https://docs.stripe.com/api/webhook_endpoints/update"""
    endpoint = store.get("webhook_endpoint", webhook_endpoint_id, param="webhook_endpoint")
    changes = objects.patch(endpoint, form, ("description", "enabled_events", "url"))
    if "url" in form:
        check_url(form["url"])
    if "disabled" in form:
        changes |= switched(on=not form["disabled"])
    return objects.change(endpoint, **changes)


@register.get("/v1/webhook_endpoints")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/webhook_endpoints/list"""
    return lists.page("webhook_endpoint", form, url="/v1/webhook_endpoints")


@register.delete("/v1/webhook_endpoints/{webhook_endpoint}")
def remove(form: Form, webhook_endpoint_id: str) -> Json:
    """https://docs.stripe.com/api/webhook_endpoints/delete"""
    return objects.delete(store.get("webhook_endpoint", webhook_endpoint_id, param="webhook_endpoint"))


def new(url: str, enabled_events: list[str], **fields: Any) -> Json:
    """A webhook endpoint that listens from now on.

    :raises InvalidRequest: That is no URL of a server.
    """
    check_url(url)
    if len(store.select("webhook_endpoint")) >= MOST:
        raise InvalidRequest(f"You have reached the maximum of {MOST} test webhook endpoints.")
    return objects.create(
        "webhook_endpoint",
        **{"api_version": None, "description": None, "metadata": None} | fields,
        enabled_events=enabled_events,
        status="enabled",
        url=url,
        _secret=f"whsec_{ids.token(32)}",
    )


def switched(*, on: bool) -> Json:
    """The fields of an endpoint that is enabled or disabled by hand."""
    return {"status": "enabled" if on else "disabled", "_failing_since": None}


def check_url(url: str, param: str = "url") -> None:
    """In test mode, plain http is allowed, and so is a local host: the emulator runs beside it.

    :raises InvalidRequest: It is no URL of a server.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise InvalidRequest(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=param,
        )
