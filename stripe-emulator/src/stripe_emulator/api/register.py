"""What one file adds to the emulator: the requests that it answers and what falls due there.

A file of a topic declares its register on top, and ``server.load`` opens each one:

    register = Register()

    @register.post("/v1/customers/{customer}")
    def update(form: Form, customer: str) -> Json: ...

    @register.due("checkout.session.expire")
    def expire_unpaid(session_id: str) -> None: ...

What is in braces reaches the function as text, and the form comes typed by the contract. What
the function returns goes out as JSON, with ``expand`` done. What it raises is answered in
Stripe's envelope, and nothing that it did is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stripe_emulator import contract
from stripe_emulator.api import expand, routing
from stripe_emulator.api.routing import Endpoint, View
from stripe_emulator.core.time import due_work
from stripe_emulator.core.types import Json

K = TypeVar("K")
V = TypeVar("V")


class Register:
    """The routes, the fields and the due work of one file. Nothing of it counts before ``open``."""

    def __init__(self) -> None:
        self._endpoints: list[Endpoint] = []
        self._includable: dict[tuple[str, str], Callable[[Json], Any]] = {}
        self._computed: dict[str, Callable[[Json], Json]] = {}
        self._due: dict[str, due_work.Handler] = {}

    def open(self) -> None:
        """Have the emulator answer these routes, make these fields and run this due work.

        A documented route that the contract does not know is a mistake of ours, or is gone from Stripe's API.
        """
        for endpoint in self._endpoints:
            assert endpoint.route or not endpoint.documented, f"the installed SDK knows no {endpoint}"
            routing.add(endpoint)
        _fill(expand.INCLUDABLE, self._includable)
        _fill(expand.COMPUTED, self._computed)
        _fill(due_work.HANDLERS, self._due)

    def get(
        self,
        path: str,
        *,
        publishable: bool = False,
        documented: bool = True,
        reads_as: str | None = None,
        until: str | None = None,
    ) -> Callable[[View], View]:
        """Answer GET on ``path``.

        :param publishable: A browser may call it with a ``pk_test_`` key.
        :param documented: False for a route that no service of the SDK calls.
        :param reads_as: The documented route whose parameters an undocumented one takes, such as
            ``GET /v1/events``.
        :param until: The version from which on Stripe does not have it.
        """
        return self._endpoint("GET", path, publishable, documented, reads_as, until)

    def post(
        self, path: str, *, publishable: bool = False, documented: bool = True
    ) -> Callable[[View], View]:
        """Answer POST on ``path``.

        :param publishable: A browser may call it with a ``pk_test_`` key.
        :param documented: False for a route that no service of the SDK calls.
        """
        return self._endpoint("POST", path, publishable, documented)

    def delete(self, path: str) -> Callable[[View], View]:
        """Answer DELETE on ``path``."""
        return self._endpoint("DELETE", path, publishable=False, documented=True)

    def due(self, what: str) -> Callable[[due_work.Handler], due_work.Handler]:
        """Name what happens when ``what`` falls due; it is called with the object's id."""

        def keep(handler: due_work.Handler) -> due_work.Handler:
            self._due[what] = handler
            return handler

        return keep

    def includable(self, kind: str, field: str) -> Callable[[Callable[[Json], Any]], Callable[[Json], Any]]:
        """Name how to make a field that is absent until ``expand`` asks for it."""

        def keep(make: Callable[[Json], Any]) -> Callable[[Json], Any]:
            self._includable[kind, field] = make
            return make

        return keep

    def computed(self, kind: str) -> Callable[[Callable[[Json], Json]], Callable[[Json], Json]]:
        """Name how to make the fields that are computed each time an object goes out."""

        def keep(make: Callable[[Json], Json]) -> Callable[[Json], Json]:
            self._computed[kind] = make
            return make

        return keep

    def _endpoint(
        self,
        verb: str,
        path: str,
        publishable: bool,
        documented: bool,
        reads_as: str | None = None,
        until: str | None = None,
    ) -> Callable[[View], View]:
        def keep(view: View) -> View:
            route = contract.find(*(reads_as or f"{verb} {path}").split()) if documented or reads_as else None
            if documented and route is not None and route.path != path:
                route = None  # another route, which takes the last word of this path for an id
            self._endpoints.append(Endpoint(verb, path, view, route, documented, publishable, until))
            return view

        return keep


def _fill(table: dict[K, V], entries: Mapping[K, V]) -> None:
    """Put entries into a table. Two files that name the same thing are a mistake of ours."""
    twice = table.keys() & entries.keys()
    assert not twice, f"{twice} stands in the table already"
    table.update(entries)
