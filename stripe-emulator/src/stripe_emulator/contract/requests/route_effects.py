"""Which routes make a new object, and which change one: an empty text is no text there, and unsets here."""

from __future__ import annotations

from functools import cache

from stripe_emulator.contract.sources.routes import Route, find


@cache
def creates(route: Route) -> bool:
    """Whether a route makes a new object, which also has a route to update it."""
    return route.verb == "POST" and find("POST", f"{route.path}/x") is not None and not updates(route)


def updates(route: Route) -> bool:
    """Whether a route changes an object, which its path names by the id at its end."""
    return route.verb == "POST" and route.path.count("{") == 1 and route.path.endswith("}")
