"""Which function answers which request. Each file names its own in its ``Register``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_emulator import contract
from stripe_emulator.core.errors import NotEmulated, NotFound
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION

View = Callable[..., Json]


@dataclass(frozen=True)
class Endpoint:
    """One function of ours and where it answers.

    ``route`` is the contract's word on its parameters, None where Stripe documents none. From the
    version ``until`` on Stripe does not have it.
    """

    verb: str
    path: str
    view: View
    route: contract.Route | None
    documented: bool
    publishable: bool
    until: str | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


ENDPOINTS: dict[tuple[str, str], Endpoint] = {}
#: Those on paths that the contract does not know.
_UNLISTED: list[Endpoint] = []
#: Those that only older versions have; today their paths may mean something else.
_FORMER: list[Endpoint] = []
#: Those that only older versions have and we never answered: verb, path, and the version that lacks it.
_GONE = (
    ("POST", "/v1/subscription_items/{item}/usage_records", "2025-03-31.basil"),
    ("GET", "/v1/subscription_items/{item}/usage_record_summaries", "2025-03-31.basil"),
)


def add(endpoint: Endpoint) -> None:
    """Answer requests on a path from now on."""
    if endpoint.until is not None:
        _FORMER.append(endpoint)
        return
    key = endpoint.verb, endpoint.path
    assert key not in ENDPOINTS, f"{endpoint.verb} {endpoint.path} is answered twice"
    ENDPOINTS[key] = endpoint
    if not endpoint.documented:
        _UNLISTED.append(endpoint)


def match(verb: str, path: str, version: str | None = API_VERSION) -> tuple[Endpoint, dict[str, str]]:
    """Our endpoint for a request, and what stands in the braces of its path.

    :param version: The caller's; None has the routes of every version that is served.
    :raises NotEmulated: Stripe answers this, we don't.
    :raises NotFound: Nobody does.
    """
    for endpoint in _FORMER:
        known = version is None or version < str(endpoint.until)
        if known and endpoint.verb == verb and contract.fits(endpoint.path, path):
            return endpoint, _values(endpoint.path, path)
    route = contract.find(verb, path)
    if route is not None:
        served = ENDPOINTS.get((verb, route.path))
        if served is None:
            raise NotEmulated(f"{verb} {route.path}")
        return served, _values(route.path, path)
    for endpoint in _UNLISTED:
        if endpoint.verb == verb and contract.fits(endpoint.path, path):
            return endpoint, _values(endpoint.path, path)
    if unserved := contract.path_answering(verb, path) or _gone(verb, path, version):
        raise NotEmulated(f"{verb} {unserved}")
    raise NotFound(
        f"Unrecognized request URL ({verb}: {path}). Please see https://stripe.com/docs or we can help at"
        " https://support.stripe.com/."
    )


def _gone(verb: str, path: str, version: str | None) -> str | None:
    """The path, at this version, of a route that we never answered and today's API lacks."""
    for known, template, until in _GONE:
        if verb == known and (version is None or version < until) and contract.fits(template, path):
            return template
    return None


def serves(verb: str, path: str) -> bool:
    """Whether we answer; what ``contract.coverage`` asks."""
    route = contract.find(verb, path)
    return route is not None and (verb, route.path) in ENDPOINTS


def _values(template: str, path: str) -> dict[str, str]:
    steps, parts = template.strip("/").split("/"), path.strip("/").split("/")
    return {step[1:-1]: part for step, part in zip(steps, parts, strict=True) if step.startswith("{")}
