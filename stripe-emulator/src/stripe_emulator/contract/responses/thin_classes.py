"""The SDK's classes of thin events."""

from __future__ import annotations

import inspect
from typing import Any

from stripe._object_classes import OBJECT_CLASSES
from stripe.events import _event_classes as classes

from stripe_emulator.contract.sources.routes import routes

#: Objects without an id in their URL; in braces is a field of theirs.
_WITHOUT_ID = {"balance": "/v1/balance", "discount": "/v1/customers/{customer}/discount"}


def class_of(event_type: str) -> Any:
    """The SDK's class for a thin event."""
    return classes.get_v2_event_class(event_type)


def types() -> dict[str, bool]:
    """Every type of thin event, and whether its events say which object they are about."""
    known = sorted(classes._V2_EVENT_CLASS_LOOKUP)
    return {name: "related_object" in inspect.get_annotations(class_of(name)) for name in known}


def paths() -> dict[str, str]:
    """Where each object is fetched, with ``{id}`` for its id."""
    names = {(f"{module}_service", class_name): name for name, (module, class_name) in OBJECT_CLASSES.items()}
    known: dict[str, str] = {}
    for route in routes():
        name = names.get((route.module, route.answer))
        if name and route.verb == "GET" and route.path.count("{") == 1 and route.path.endswith("}"):
            known.setdefault(name, route.path[: route.path.index("{")] + "{id}")
    return known | _WITHOUT_ID
