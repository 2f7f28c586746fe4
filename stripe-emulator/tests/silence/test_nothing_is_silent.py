"""No parameter is passed over in silence, at any depth: it changes something, or it is refused by name.

Every POST and DELETE that is served, with each of its parameters, in a world that has one of everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stripe_emulator import Emulator, contract
from stripe_emulator.api import routing
from stripe_emulator.api.request import Call
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.server import load

from .walk import Pairs, ask, pairs, parameters, required, silent
from .world import ALIKE, FORMS, NAMES, STEPS

load.load()
EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "stripe-example-requests.json").read_text())
ROUTES = [
    route
    for route in contract.routes()
    if route.verb != "GET"
    and route.path.startswith("/v1/")
    and routing.serves(route.verb, route.example_path)
]
HEADERS = {"authorization": "Bearer sk_test_emulator", "stripe-version": API_VERSION}


@dataclass
class World:
    """An emulator with one of everything; ``made`` has the id of each by the step that made it."""

    emulator: Emulator
    made: dict[str, str] = field(default_factory=dict)

    def path(self, route: contract.Route) -> str:
        steps = route.path.split("/")
        return "/".join(
            self.made.get(before, "x") if step[:1] == "{" else step
            for before, step in zip(["", *steps], steps, strict=False)
        )

    def forms(self, route: contract.Route) -> list[Pairs]:
        """Forms that a route may be asked with: ours, Stripe's examples, the least."""
        ours = [form for step, form in [*STEPS, *FORMS] if contract.find("POST", self.filled(step)) == route]
        theirs = [form for verb, path, form in EXAMPLES if contract.find(verb, path) == route]
        return [*(pairs(self.filled(form)) for form in [*ours, *theirs, ""]), required_of(route)]

    def filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.made.get(match[1], "x"), text)

    def known(self) -> dict[str, str]:
        return {name: self.made[step] for name, step in NAMES.items()}


def required_of(route: contract.Route) -> Pairs:
    return required(contract.parameters_of(route))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(Emulator(seed=7))
    for path, form in STEPS:
        call = Call("POST", world.filled(path), "", HEADERS, world.filled(form).encode())
        reply = world.emulator.api.answer(call)
        assert reply.status == 200, f"{path} {form}: {reply.body}"
        answer = json.loads(reply.body)
        *_, last = [step for step in path.split("/") if not step.startswith("{")]
        world.made[last] = answer["id"]
        if answer["object"] == "subscription":
            world.made["subscription_items"] = answer["items"]["data"][0]["id"]
        if answer["object"] == "invoice" and answer["lines"]["data"]:
            world.made["lines"] = answer["lines"]["data"][0]["id"]
        if answer.get("latest_charge"):
            world.made["charges"] = answer["latest_charge"]
    yield world
    world.emulator.close()


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_no_parameter_is_passed_over_in_silence(route: contract.Route, world: World) -> None:
    path = world.path(route)
    with world.emulator.store.transaction(now=1_767_229_200):
        forms = [form for form in world.forms(route) if ask(route, path, form).status == 200][:5]
        passed_over = [
            leaf.name for leaf in parameters(route) if silent(route, path, forms, leaf, world.known())
        ]

    assert sorted(passed_over) == sorted(ALIKE.get(str(route), ()))


def test_most_routes_are_reached(world: World) -> None:
    """A route that refuses every form here is not looked at."""
    with world.emulator.store.transaction(now=1_767_229_200):
        reached = [
            route
            for route in ROUTES
            if any(ask(route, world.path(route), form).status == 200 for form in world.forms(route))
        ]

    assert len(reached) > 0.7 * len(ROUTES)
