"""What an event carries, at the version of whoever hears of it. https://docs.stripe.com/webhooks/versioning

An endpoint with an ``api_version`` gets events of that version, everyone else those of today. What an
event carries is translated when it happens and kept, since an object may be another one later.
"""

from __future__ import annotations

from stripe_emulator import versions
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION

#: Where an event keeps what it carries at other versions.
SHAPES = "_shapes"


def version_of(endpoint: Json) -> str:
    """The version of the events that an endpoint gets."""
    version: str = endpoint.get("api_version") or endpoint.get("snapshot_api_version") or API_VERSION
    return version


def at(data: Json, version: str) -> Json:
    """``data`` of an event, with its object and what that was before, at a version."""
    after = versions.downgrade(data["object"], version)
    if "previous_attributes" not in data:
        return {"object": after}
    before = versions.downgrade(_before(data), version)
    return {"object": after, "previous_attributes": difference(before, after)}


def as_heard(event: Json, endpoint: Json) -> Json:
    """An event as an endpoint is sent it."""
    version = version_of(endpoint)
    if version == event["api_version"]:
        return event
    known = event.get(SHAPES, {})
    return event | {"api_version": version, "data": known.get(version) or at(event["data"], version)}


def difference(before: Json, after: Json) -> Json:
    """``previous_attributes``: what was another value before, hashes cut down to what differs."""
    previous: Json = {}
    for key, old in before.items():
        new = after.get(key)
        if old == new or key.startswith("_"):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            previous[key] = {k: old.get(k) for k in old.keys() | new.keys() if old.get(k) != new.get(k)}
        else:
            previous[key] = old
    return previous


def _before(data: Json) -> Json:
    """The whole object as it was before the change."""
    before: Json = dict(data["object"])
    for key, old in data["previous_attributes"].items():
        now = before.get(key)
        before[key] = now | old if isinstance(now, dict) and isinstance(old, dict) else old
    return before
