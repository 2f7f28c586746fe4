"""A walk over every parameter of every served route, at every depth: what does it change?

A route is asked twice in one world, once with a parameter and once without. Whoever answers both
alike, and leaves the same objects behind, has passed the parameter over in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from stripe_emulator import contract
from stripe_emulator.api import routing
from stripe_emulator.api.request import _work
from stripe_emulator.contract.requests import Hash, Parameter, parameters_of
from stripe_emulator.core import ids, store
from stripe_emulator.core.errors import StripeError
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import decode

#: A parameter's place, such as ``("items", "0", "price")``.
Place = tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """What came of a request: the status and the parameter that an error names, or all that it left."""

    status: int
    param: str | None
    world: str


def ask(verb: str, path: str, form: str) -> Heard:
    """Do a request in the current transaction, and undo it."""
    with store.rehearsal(), ids.drawn_from(Random(7)):
        try:
            endpoint, values = routing.match(verb, path)
            answer = _work(endpoint, values, decode(form), API_VERSION, "req_1")
        except StripeError as error:
            return Heard(error.status, error.param, error.message)
        store.current().flush()
        objects = {
            f"{kind}/{key}": value
            for (kind, key), value in sorted(store.current().objects.items())
            if kind != "event"
        }
        due = store.current().execute("SELECT at, clock, what, object FROM due").fetchall()
        return Heard(answer.status, None, answer.body + json.dumps([objects, due]))


def places(parameters: Hash, above: Place = (), depth: int = 5) -> Iterator[tuple[Place, Parameter, list[Place]]]:
    """Each parameter that holds text, where it lies, and what has to be sent with it."""
    for name, parameter in sorted(parameters.fields.items()):
        yield from _within(parameter, (*above, name), depth)


def _within(parameter: Parameter, place: Place, depth: int) -> Iterator[tuple[Place, Parameter, list[Place]]]:
    if parameter.words or parameter.scalars:
        yield place, parameter, []
    if depth == 0:
        return
    if parameter.items is not None:
        yield from _within(parameter.items, (*place, "0"), depth - 1)
    for each in parameter.hashes:
        yield from places(each, place, depth - 1)


def named(place: Place) -> str:
    first, *rest = place
    return first + "".join(f"[{step}]" for step in rest)
