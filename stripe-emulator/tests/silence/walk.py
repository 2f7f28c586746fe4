"""What a parameter changes: a request is done with it and without it, in one world, and undone.

Who answers both alike, and leaves the same objects behind, passed the parameter over in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from urllib.parse import parse_qsl, quote_plus

from stripe_emulator import contract
from stripe_emulator.api import request, routing
from stripe_emulator.contract import Hash, Parameter, parameters_of
from stripe_emulator.core import ids
from stripe_emulator.core.database import transactions, undo
from stripe_emulator.core.errors import StripeError
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import decode

from .world import COMPANY, OTHERWISE

#: A form as pairs of names and values, and where a parameter lies in one: ``("items", "0", "price")``.
Pairs = list[tuple[str, str]]
Place = tuple[str, ...]

#: Names that hold a moment: one to come, and one that is past.
MOMENTS = re.compile(r"_at$|date$|^(gte?|lte?|start|end|timestamp|frozen_time|trial_end)$|_time$")
#: Statuses of what was done: an answer, or a bank's refusal, which leaves its attempt behind.
DONE = (200, 402)
TO_COME, PAST = "1893456000", "1500000000"


@dataclass(frozen=True)
class Heard:
    """What came of a request: its status, the parameter that an error names, and all that it left."""

    status: int
    param: str | None
    left: str


@dataclass(frozen=True)
class Leaf:
    """A parameter that holds text, and what has to be sent beside it."""

    place: Place
    parameter: Parameter
    beside: Pairs

    @property
    def name(self) -> str:
        return named(self.place)


def ask(route: contract.Route, path: str, form: Pairs) -> Heard:
    """Do a request within the current transaction, and undo it. It draws the same ids each time."""
    with undo.rehearsal(), ids.drawn_from(Random(7)):
        try:
            endpoint, values = routing.match(route.verb, path)
            answer = request._work(endpoint, values, decode(encoded(form)), API_VERSION, "req_1")
        except StripeError as error:
            return Heard(error.status, error.param, error.message)
        transaction = transactions.current()
        objects = [
            value for (kind, _), value in sorted(transaction.objects.items()) if not kind.startswith("event")
        ]
        due = transaction.execute("SELECT at, clock, what, object FROM due").fetchall()
        return Heard(answer.status, None, answer.body + json.dumps([objects, due]))


def silent(route: contract.Route, path: str, forms: list[Pairs], leaf: Leaf, known: dict[str, str]) -> bool:
    """Whether some value of a parameter is taken, and none of them changes anything or is refused by name."""
    taken = False
    for others in (others for form in forms for others in _around(form, leaf, known)):
        without = ask(route, path, others)
        for value in fitting(leaf, known):
            heard = ask(route, path, [*others, (leaf.name, value)])
            if heard.status in DONE and heard.left != without.left:
                return False
            if heard.status != 200 and heard.param and _lies_in(leaf.name, (heard.param,)):
                return False
            taken = taken or heard.status == 200
    return taken


def _around(form: Pairs, leaf: Leaf, known: dict[str, str]) -> Iterator[Pairs]:
    """What is sent beside a parameter: the least that it needs, and what makes sense of all that it is in."""
    others = [pair for pair in form if not _clashes(pair[0], leaf)]
    least = others + [pair for pair in leaf.beside if pair[0] not in dict(others)]
    yield least
    whole = others + [pair for pair in _company(leaf, known) if pair[0] not in dict(others)]
    if whole != others:
        yield whole + [
            pair
            for pair in leaf.beside
            if pair[0] not in dict(whole) and not any(pair[0].startswith(f"{name}[") for name, _ in whole)
        ]


def _company(leaf: Leaf, known: dict[str, str]) -> Pairs:
    """What stands beside a parameter in each of the hashes that it lies in."""
    wanted: Pairs = []
    for end, step in enumerate(leaf.place[:-1], 1):
        if step not in COMPANY:
            continue
        above = leaf.place[: end + 1] if leaf.place[end].isdigit() else leaf.place[:end]
        within = leaf.place[len(above)] if len(leaf.place) > len(above) else ""
        for name, value in parse_qsl(COMPANY[step].format(**known)):
            first, *rest = re.findall(r"\w+", name)
            place = (*above, first, *rest)
            if first not in OTHERWISE.get(within, (within,)) and not _clashes(named(place), leaf):
                wanted.append((named(place), value))
    return wanted


def fitting(leaf: Leaf, known: dict[str, str]) -> list[str]:
    """Values that a parameter may hold.

    :param known: Name of a parameter -> the id of an object that it may name.
    """
    *_, name = leaf.place
    parameter = leaf.parameter
    values = list(parameter.words)
    if "bool" in parameter.scalars:
        values += ["true", "false"]
    if "int" in parameter.scalars:
        values += [TO_COME, PAST] if MOMENTS.search(name) else []
        values += ["3", "1", "50"]
    if not values:
        values = [known[name]] if name in known else []
        by_name = {"currency": "eur", "country": "DE", "url": "https://b.example/", "email": "b@b.example"}
        values += [value for part, value in by_name.items() if part in name]
        values += ["Text", "2", "de"]
    return values


def required(parameters: Hash, above: Place = ()) -> Pairs:
    """The least that may be sent."""
    return [
        pair for name in parameters.required for pair in _least(parameters.fields[name], (*above, name), name)
    ]


def leaves(parameters: Hash, above: Place = (), beside: tuple[tuple[str, str], ...] = ()) -> Iterator[Leaf]:
    """Each parameter that holds text, at every depth."""
    for name, parameter in sorted(parameters.fields.items()):
        place = (*above, name)
        needed = [pair for pair in required(parameters, above) if above and not _lies_in(pair[0], place)]
        if "type" in parameters.fields and name in parameters.fields["type"].words:
            needed.append((named((*above, "type")), name))
        yield from _within(parameter, place, (*beside, *needed))


def _within(parameter: Parameter, place: Place, beside: tuple[tuple[str, str], ...]) -> Iterator[Leaf]:
    if parameter.words or parameter.scalars:
        yield Leaf(place, parameter, list(beside))
    if parameter.items is not None:
        yield from _within(parameter.items, (*place, "0"), beside)
    for each in parameter.hashes:
        yield from leaves(each, place, beside)


def _least(parameter: Parameter, place: Place, name: str) -> Pairs:
    if parameter.words or parameter.scalars:
        return [(named(place), fitting(Leaf(place, parameter, []), {})[0])]
    if parameter.items is not None:
        return _least(parameter.items, (*place, "0"), name)
    return required(parameter.hashes[0], place) if parameter.hashes else []


def _clashes(name: str, leaf: Leaf) -> bool:
    """Whether a pair stands where the parameter lies, within it, or is a value where it needs a hash."""
    above = {named(leaf.place[:end]) for end in range(1, len(leaf.place))}
    return _lies_in(name, leaf.place) or name in above


def _lies_in(name: str, place: Place) -> bool:
    return name == named(place) or name.startswith(f"{named(place)}[")


def named(place: Place) -> str:
    """A place as a form spells it."""
    first, *rest = place
    return first + "".join(f"[{step}]" for step in rest)


def pairs(form: str) -> Pairs:
    """A form's pairs; ``a[]`` is ``a[0]``."""
    return [(name.replace("[]", "[0]"), value) for name, value in parse_qsl(form, keep_blank_values=True)]


def encoded(form: Pairs) -> str:
    """Pairs as they go over the wire."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in form)


def parameters(route: contract.Route) -> list[Leaf]:
    """A route's leaves, each once, without what every route takes."""
    by_name = {leaf.name: leaf for leaf in leaves(parameters_of(route))}
    return [leaf for leaf in by_name.values() if leaf.place[0] not in ("expand", "metadata")]
