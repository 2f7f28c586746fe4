"""A decoded form becomes typed values, or the error that Stripe would answer."""

from __future__ import annotations

from functools import cache
from typing import Any

from stripe_emulator.contract.requests import ranges, route_effects
from stripe_emulator.contract.requests.given_parameters import Given
from stripe_emulator.contract.requests.parameters import Form, Hash
from stripe_emulator.contract.sources import specified
from stripe_emulator.contract.sources.routes import Route
from stripe_emulator.contract.sources.sdk_cache import kept


def read(route: Route, form: dict[str, Form], known: Hash | None = None) -> Given:
    """The values in ``form``, typed as the route declares them.

    Whole numbers become int, flags bool, decimals stay text, and a hash with
    the keys 0, 1, 2 that stands for a list becomes one. An empty string stays
    where it unsets the parameter; of an object that is made now, it is left out.

    :param known: What the route takes; its parameters of today if None.
    :raises ParameterError: In Stripe's words, with its code and the parameter's name.
    """
    values = (known or parameters_of(route)).read(form, "")
    if route_effects.creates(route):
        for name in values.keys() & _facts(route)["unset"]:
            if dict.__getitem__(values, name) == "":
                del values[name]
    specified.check_lengths(route, values)
    ranges.check(route, values)
    return values


@cache
def parameters_of(route: Route) -> Hash:
    """What a route takes today."""
    return Hash.from_json(_facts(route)["takes"])


@cache
def _facts(route: Route) -> dict[str, Any]:
    def compile_them() -> dict[str, Any]:
        from stripe_emulator.contract.requests import compiled  # imports the SDK

        return compiled.facts_of(route)

    facts: dict[str, Any] = kept(str(route), compile_them)
    return facts | {"unset": set(facts["unset"])}
