"""A request's form at its caller's version, read as today's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from stripe_emulator import contract
from stripe_emulator.core.errors import StripeError
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import Form
from stripe_emulator.versions import v2026_09_30
from stripe_emulator.versions.chain import CHANGES, since, upgrade


class Reading:
    """The typed form, and what the caller called each parameter that has another name today."""

    def __init__(self, form: contract.Given, called: dict[str, str]) -> None:
        self.form = form
        self._called = called

    @contextmanager
    def errors_as_called(self) -> Iterator[None]:
        """Let an error of the block name the parameter that the caller sent."""
        try:
            yield
        except StripeError as error:
            name(error, self._called)
            raise


def read(route: contract.Route, named: str, form: Form, version: str | None) -> Reading:
    """Check and type a form at a version.

    :param named: The route as translations name it, such as ``POST /v1/subscriptions``.
    :param version: None takes what any version that is served takes.
    :raises ParameterError: The version takes no such parameter, or not so.
    """
    v2026_09_30.refuse_retired(named, form, version)
    if version is not None and version >= API_VERSION:
        return Reading(contract.read(route, form), {})
    known = parameters(route, named, version)
    known.refuse_unknown(form)
    called = upgrade(named, form, version)
    try:
        return Reading(contract.read(route, form, known), called)
    except StripeError as error:
        name(error, called)
        raise


def name(error: StripeError, called: dict[str, str]) -> None:
    """Have an error speak of the parameter that was sent, not of what it is called today."""
    for today, theirs in called.items():
        if error.param == today or (error.param or "").startswith(f"{today}["):
            param = theirs + (error.param or "")[len(today) :]
            error.message = error.message.replace(str(error.param), param)
            error.param = param
            return


@cache
def parameters(route: contract.Route, named: str, version: str | None) -> contract.Hash:
    """What a route takes at a version: what it takes today, and what was taken away since."""
    known = contract.parameters_of(route)
    for change in CHANGES if version is None else since(version):
        if named in change.taken:
            known = known.taking(change.taken[named])
    return known
