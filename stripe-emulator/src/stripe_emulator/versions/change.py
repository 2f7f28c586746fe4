"""What one version of Stripe's API changed of what the emulator has.

A file ``v<date>.py`` declares its change on top, and ``chain`` lists it:

    change = VersionChange("2025-09-30.clover")
    change.took("POST /v1/promotion_codes", coupon=str)

    @change.request("POST /v1/promotion_codes")
    def coupon_by_itself(form: Part) -> None: ...

    @change.answer("promotion_code")
    def whole_coupon(code: Json, find: Find) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from stripe_emulator.contract import Hash, Parameter
from stripe_emulator.core.types import Json
from stripe_emulator.versions.form_part import Part

#: The object of a kind and an id as it is shown from this version on, or None.
Find = Callable[[str, str], Json | None]
#: Changes a copy of an object to what it was before this version.
Answer = Callable[[Json, Find], None]
#: Changes an older form to what this version takes.
Request = Callable[[Part], None]

T = TypeVar("T")

#: Text, or the empty string that unsets.
TEXT_OR_NOTHING = Parameter(scalars=("str",), can_be_unset=True)


class VersionChange:
    """The translations between a version and the one before it.

    :param version: The version that brought the change.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.taken: dict[str, dict[str, Parameter]] = {}
        self.requests: dict[str, Request] = {}
        self.defaults: dict[str, Request] = {}
        self.answers: dict[str, Answer] = {}

    def took(self, *routes: str, **parameters: Any) -> None:
        """Say what these routes took before, and no longer do.

        :param parameters: Each as a type, a tuple of words, ``[what a list holds]`` or a dict of more.
        """
        for route in routes:
            known = self.taken.setdefault(route, {})
            assert not known.keys() & parameters.keys(), f"{route} is told twice"
            known |= {name: _parameter(spec) for name, spec in parameters.items()}

    def request(self, *routes: str) -> Callable[[Request], Request]:
        """Name how an older form of these routes, such as ``POST /v1/subscriptions``, is said now.

        It runs for callers who name no version, too, and leaves alone what today's callers send.
        """
        return _keep(self.requests, routes)

    def default(self, *routes: str) -> Callable[[Request], Request]:
        """Name what a form meant before where it said nothing; only callers of older versions mean that."""
        return _keep(self.defaults, routes)

    def answer(self, *kinds: str) -> Callable[[Answer], Answer]:
        """Name how objects of these kinds looked before."""
        return _keep(self.answers, kinds)


def _keep(table: dict[str, T], names: tuple[str, ...]) -> Callable[[T], T]:
    def keep(function: T) -> T:
        for name in names:
            assert name not in table, f"{name} is translated twice"
            table[name] = function
        return function

    return keep


def _parameter(spec: Any) -> Parameter:
    if isinstance(spec, Parameter):
        return spec
    if isinstance(spec, dict):
        return Parameter(hashes=(Hash.of({name: _parameter(each) for name, each in spec.items()}),))
    if isinstance(spec, list):
        return Parameter(items=_parameter(spec[0]))
    if isinstance(spec, tuple):
        return Parameter(words=spec)
    return Parameter(scalars=(spec.__name__,))
