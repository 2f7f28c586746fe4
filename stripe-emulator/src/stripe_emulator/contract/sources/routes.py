"""Every route of Stripe's API, as the SDK's service classes call it.

A method of a service names its verb, path, parameters and answer:

    def retrieve(self, customer: str, params: Optional["CustomerRetrieveParams"] = None, ...) -> "Customer":
        ...self._request("get", "/v1/customers/{customer}".format(...), ...)

All of them are read from the source in one pass, since importing two hundred
modules takes ten times as long.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path

from stripe_emulator.contract.sources.newer_than_sdk import LATER_ROUTES
from stripe_emulator.contract.sources.sdk_cache import kept
from stripe_emulator.core import sdk

_METHOD = re.compile(
    r"    def \w+\(\n(?P<arguments>(?:        .*\n)+)    \) -> (?P<answer>[^\n]+):\n"
    r"(?:(?!    (?:async )?def ).*\n)*?"
    r"\s+self\._request(?:_stream)?\(\n\s+\"(?P<verb>\w+)\",\n\s+\"(?P<path>/[^\"]+)\""
)
_PARAMETERS = re.compile(r"params: .*?\"(\w+)\"")
_PLACEHOLDER = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Route:
    """One verb on one path, such as ``GET /v1/customers/{customer}``.

    ``parameters`` and ``answer`` are annotations, written in the SDK's module
    ``module``. ``parameters`` is None where the route takes none.
    """

    verb: str
    path: str
    parameters: str | None
    answer: str
    module: str

    @property
    def resource(self) -> str:
        """What the route is about: the constant start of its path, ``v1/billing_portal/sessions``."""
        return self.path.split("/{")[0].lstrip("/")

    @property
    def example_path(self) -> str:
        """The path with ``x`` for each id."""
        return _PLACEHOLDER.sub("x", self.path)

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


@dataclass
class _Node:
    """What can follow after the segments of a path so far."""

    constants: "dict[str, _Node]" = field(default_factory=dict)
    variable: "_Node | None" = None
    routes: dict[str, Route] = field(default_factory=dict)


@cache
def routes() -> tuple[Route, ...]:
    """Every route that the SDK knows, and those that came after it, by path and verb."""
    return tuple(Route(*values) for values in kept("routes", _read_all))


def find(verb: str, path: str) -> Route | None:
    """The route that answers ``verb`` on a path with real ids, or None if Stripe has none."""
    return _match(_tree(), path.strip("/").split("/"), verb.upper())


def fits(template: str, path: str) -> bool:
    """Whether a path is that of a template such as ``/v1/customers/{customer}``, with an id in each brace."""
    steps, parts = template.strip("/").split("/"), path.strip("/").split("/")
    return len(parts) == len(steps) and all(
        step == part or (step.startswith("{") and part != "") for step, part in zip(steps, parts, strict=True)
    )


def coverage(serves: Callable[[str, str], bool]) -> dict[str, list[tuple[Route, bool]]]:
    """Each resource's routes, and whether ``serves(verb, path)`` said that they are served."""
    table: dict[str, list[tuple[Route, bool]]] = {}
    for route in routes():
        table.setdefault(route.resource, []).append((route, serves(route.verb, route.example_path)))
    return table


def _read_all() -> list[tuple[str | None, ...]]:
    known = (route for file in sdk.FOLDER.rglob("*_service.py") for route in _read(file))
    major = int(sdk.VERSION.split(".")[0])
    later = (Route(*values) for since, rows in LATER_ROUTES.items() if major < since for values in rows)
    by_path = {(route.path, route.verb): route for route in chain(known, later)}
    return [astuple(route) for _, route in sorted(by_path.items())]


def _read(file: Path) -> Iterator[Route]:
    module = ".".join(file.relative_to(sdk.FOLDER.parent).with_suffix("").parts)
    for method in _METHOD.finditer(file.read_text(encoding="utf-8")):
        parameters = _PARAMETERS.search(method["arguments"])
        yield Route(
            verb=method["verb"].upper(),
            path=method["path"],
            parameters=parameters and parameters[1],
            answer=method["answer"].strip('"'),
            module=module,
        )


@cache
def _tree() -> _Node:
    root = _Node()
    for route in routes():
        node = root
        for segment in route.path.strip("/").split("/"):
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.constants.setdefault(segment, _Node())
        node.routes[route.verb] = route
    return root


def _match(node: _Node, segments: list[str], verb: str) -> Route | None:
    """Constants win over ids: ``/v1/invoices/create_preview`` is no invoice."""
    if not segments:
        return node.routes.get(verb)
    first, *rest = segments
    if first in node.constants and (route := _match(node.constants[first], rest, verb)):
        return route
    return _match(node.variable, rest, verb) if node.variable and first else None
