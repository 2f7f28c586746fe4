"""Thin events as the SDK knows them: which types there are, and where the object of one is fetched."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from stripe._object_classes import OBJECT_CLASSES
from stripe.events import _event_classes as classes

from stripe_emulator.contract.routes import routes

#: Objects without an id in their URL; in braces is a field of theirs.
_WITHOUT_ID = {"balance": "/v1/balance", "discount": "/v1/customers/{customer}/discount"}


#: Every type of thin event, such as ``v1.checkout.session.completed``.
THIN_TYPES = frozenset(classes._V2_EVENT_CLASS_LOOKUP)


def class_of(event_type: str) -> Any:
    """The SDK's class for a thin event."""
    return classes.get_v2_event_class(event_type)


def names_an_object(event_type: str) -> bool:
    """Whether events of this type say which object they are about."""
    return "related_object" in inspect.get_annotations(class_of(event_type))


@cache
def path_of(object_name: str) -> str | None:
    """Where an object of that name is fetched: ``/v1/checkout/sessions/{id}``; None if nowhere."""
    if object_name in _WITHOUT_ID:
        return _WITHOUT_ID[object_name]
    module, class_name = OBJECT_CLASSES[object_name]
    for route in routes():
        mine = route.module == f"{module}_service" and route.answer == class_name
        if mine and route.verb == "GET" and route.path.count("{") == 1 and route.path.endswith("}"):
            return route.path[: route.path.index("{")] + "{id}"
    return None
