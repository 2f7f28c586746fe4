"""Who listens to events: endpoints of the API, and those that the emulator itself was given."""

from __future__ import annotations

from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import NotFound, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import thin

#: Endpoints that were given to the emulator itself, and are not objects of the API.
LISTENERS = "listeners"


#: Kinds of endpoints that are: the first takes snapshots, the second what its ``event_payload`` says.
REGISTERED = ("webhook_endpoint", "v2.core.event_destination")


def is_thin(endpoint: Json) -> bool:
    """Whether an endpoint is sent thin events."""
    return endpoint.get("event_payload") == "thin"


def url_of(endpoint: Json) -> str:
    """Where an endpoint is reached; an event destination shows it only on request."""
    url: str = endpoint["_url"] if "_url" in endpoint else endpoint["url"]
    return url


def endpoints(*, also_disabled: bool = False) -> list[Json]:
    """Everyone who listens: those given to the emulator, then those of the API that are enabled."""
    listeners: dict[str, Json] = get_setting(LISTENERS, {})
    known = list(listeners.values())
    for kind in REGISTERED:
        known += store.all_of(kind)
    return (
        known if also_disabled else [endpoint for endpoint in known if endpoint.get("status") != "disabled"]
    )


def listen(endpoint_id: str, url: str, secret: str, *, payload: str = "snapshot") -> None:
    """Send every event to a URL, as ``--webhook`` asks; the same id again replaces it."""
    listeners = get_setting(LISTENERS, {})
    listeners[endpoint_id] = {
        "id": endpoint_id,
        "url": url,
        "_secret": secret,
        "enabled_events": ["*"],
        "event_payload": payload,
    }
    put_setting(LISTENERS, listeners)


def hear(types: list[str]) -> None:
    """Send those given to the emulator events of these types only; ``*`` is every type."""
    listeners = get_setting(LISTENERS, {})
    for listener in listeners.values():
        listener["enabled_events"] = [
            f"v1.{type}" if is_thin(listener) and type != "*" else type for type in types
        ]
    put_setting(LISTENERS, listeners)


def roll(endpoint_id: str, *, keep_old_s: int) -> str:
    """Give an endpoint a new secret and return it; for so many seconds the old one signs as well.

    :raises NotFound: There is no such endpoint.
    """
    listeners: dict[str, Json] = get_setting(LISTENERS, {})
    endpoint = listeners.get(endpoint_id) or store.find_any(endpoint_id) or {}
    if "_secret" not in endpoint:
        raise NotFound(no_such("webhook_endpoint", endpoint_id), code="resource_missing", param="endpoint")
    endpoint["_old_secret"], endpoint["_old_until"] = endpoint["_secret"], clock.now() + keep_old_s
    endpoint["_secret"] = f"whsec_{ids.token(32)}"
    if endpoint_id in listeners:
        put_setting(LISTENERS, listeners)
    else:
        store.save(endpoint)
    secret: str = endpoint["_secret"]
    return secret


def wanting(kind: str) -> list[Json]:
    """The endpoints that listen to events of this kind, as snapshots or as thin events."""
    return [endpoint for endpoint in endpoints() if _wants(endpoint, kind)]


def _wants(endpoint: Json, kind: str) -> bool:
    enabled = endpoint["enabled_events"]
    if is_thin(endpoint):
        return thin.has_twin(kind) and ("*" in enabled or f"v1.{kind}" in enabled)
    return "*" in enabled or kind in enabled
