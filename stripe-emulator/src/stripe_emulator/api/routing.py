"""Which function answers which request.

A resource file registers its routes by the path that Stripe documents; what is in braces
reaches the function as text, and the form comes typed by the contract:

    @post("/v1/customers/{customer}")
    def update(form: Form, customer: str) -> Json: ...

What it returns goes out as JSON, with ``expand`` done. What it raises is answered in
Stripe's envelope, and nothing that it did is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_emulator import contract
from stripe_emulator.core.errors import NotEmulated, NotFound
from stripe_emulator.core.store import Json

View = Callable[..., Json]


@dataclass(frozen=True)
class Endpoint:
    """One function of ours and where it answers.

    ``route`` is the contract's word on its parameters, None where Stripe documents none.
    """

    verb: str
    path: str
    view: View
    route: contract.Route | None
    publishable: bool


ENDPOINTS: dict[tuple[str, str], Endpoint] = {}
#: Those on paths that the contract does not know.
_UNLISTED: list[Endpoint] = []


def get(
    path: str, *, publishable: bool = False, documented: bool = True, reads_as: str | None = None
) -> Callable[[View], View]:
    """Answer GET on ``path``.

    :param publishable: A browser may call it with a ``pk_test_`` key.
    :param documented: False for what the SDK's services do not call.
    :param reads_as: The documented path whose parameters an undocumented one takes.
    """
    return _register("GET", path, publishable, documented, reads_as)


def post(path: str, *, publishable: bool = False, documented: bool = True) -> Callable[[View], View]:
    """Answer POST on ``path``; see ``get``."""
    return _register("POST", path, publishable, documented)


def delete(path: str) -> Callable[[View], View]:
    """Answer DELETE on ``path``."""
    return _register("DELETE", path, publishable=False, documented=True)


def match(verb: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """Our endpoint for a request, and what stands in the braces of its path.

    :raises NotEmulated: Stripe answers this, we don't.
    :raises NotFound: Nobody does.
    """
    route = contract.find(verb, path)
    if route is not None:
        endpoint = ENDPOINTS.get((verb, route.path))
        if endpoint is None:
            raise NotEmulated(f"{verb} {route.path}")
        return endpoint, _values(route.path, path)
    for endpoint in _UNLISTED:
        if endpoint.verb == verb and _fits(endpoint.path, path):
            return endpoint, _values(endpoint.path, path)
    raise NotFound(
        f"Unrecognized request URL ({verb}: {path}). Please see https://stripe.com/docs or we can help at"
        " https://support.stripe.com/."
    )


def serves(verb: str, path: str) -> bool:
    """Whether we answer; what ``contract.coverage`` asks."""
    route = contract.find(verb, path)
    return route is not None and (verb, route.path) in ENDPOINTS


def _register(
    verb: str, path: str, publishable: bool, documented: bool, reads_as: str | None = None
) -> Callable[[View], View]:
    def register(view: View) -> View:
        route = contract.find(verb, reads_as or path) if documented or reads_as else None
        assert not documented or (route is not None and route.path == path), f"Stripe has no {verb} {path}"
        assert (verb, path) not in ENDPOINTS, f"{verb} {path} is answered twice"
        endpoint = Endpoint(verb, path, view, route, publishable)
        ENDPOINTS[verb, path] = endpoint
        if not documented:
            _UNLISTED.append(endpoint)
        return view

    return register


def _fits(template: str, path: str) -> bool:
    parts, steps = path.strip("/").split("/"), template.strip("/").split("/")
    return len(parts) == len(steps) and all(
        step.startswith("{") or step == part for step, part in zip(steps, parts, strict=True)
    )


def _values(template: str, path: str) -> dict[str, str]:
    steps, parts = template.strip("/").split("/"), path.strip("/").split("/")
    return {step[1:-1]: part for step, part in zip(steps, parts, strict=True) if step.startswith("{")}
