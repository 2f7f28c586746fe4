"""Texts that an empty string unsets, though the annotations do not say so.

Stripe takes ``description=`` where a later update could take the text away: a text of the object that
may be null, and that both the create and the update route take. Elsewhere an empty string is refused.
"""

from __future__ import annotations

from functools import cache

from stripe_emulator.contract import responses
from stripe_emulator.contract.routes import Route, find

#: Names of objects that can be unset, too.
ALSO = frozenset(["default_payment_method", "default_source"])
#: The lines of an address, each of which may be left blank.
ADDRESS = frozenset(["city", "line1", "line2", "postal_code", "state"])


@cache
def creates(route: Route) -> bool:
    """Whether a route makes a new object, which also has a route to update it."""
    return route.verb == "POST" and find("POST", f"{route.path}/x") is not None and not _updates(route)


@cache
def names(route: Route) -> frozenset[str]:
    """The parameters of a route that an empty string may unset, as far as the object is concerned."""
    if not (creates(route) or _updates(route)):
        return frozenset()
    shapes = responses.value_of(route.answer, route.module).shapes
    if len(shapes) != 1 or not isinstance(shapes[0], responses.Object):
        return frozenset()
    return frozenset(
        name
        for name, field in shapes[0].fields.items()
        if field.nullable and (name in ALSO or (_is_text(field) and not name.endswith("url")))
    )


def _updates(route: Route) -> bool:
    return route.verb == "POST" and route.path.count("{") == 1 and route.path.endswith("}")


def _is_text(field: responses.Value) -> bool:
    return field.shapes == (responses.Scalar(str),)
