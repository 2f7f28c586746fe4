"""What every call has in common: who asks, whose page it comes from, and the shape of the answer.

A call names no error of its own: those of the functions that it shares with the forms answer by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, NoReturn

from flask import Blueprint, Response, jsonify

from ...errors import NoSuchCall, NotSignedIn, UnknownItem, WrongMethod
from .. import csrf, forms, page, programs
from ..visitors.current_caller import bearer
from . import body
from .asks import Nothing

#: Methods by which nothing changes.
SAFE = ("GET",)

#: All that a call may be sent by.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Query:
    """A parameter in the address: ``schema`` is that of OpenAPI."""

    name: str
    means: str
    schema: dict[str, Any]
    required: bool = False


@dataclass(frozen=True)
class Call:
    """One call: ``path`` lies below the API's own. ``asks`` and ``answers`` are dataclasses of ``shapes``.

    ``keyed`` is whether an ``Idempotency-Key`` may name it, ``needs_key`` whether one has to.
    """

    method: str
    path: str
    view: Callable[..., Any]
    answers: type
    asks: type = Nothing
    query: tuple[Query, ...] = ()
    keyed: bool = False
    needs_key: bool = False

    @property
    def name(self) -> str:
        return self.view.__name__

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE

    def respond(self, **path: Any) -> Response:
        """Answer a request of the signed-in customer.

        :raises NotSignedIn: Nobody is, or a program asks with an API key.
        :raises FormExpired: It is not from one of the customer's own pages.
        """
        owner = customer()
        if not self.is_safe:
            csrf.require_header()
            body.take(self.asks)
        if self.needs_key and forms.attempt() is None:
            words = "Send an Idempotency-Key: sent again after a lost answer, the call then pays once."
            raise UnknownItem(words, field="Idempotency-Key")
        answer: Any = self.view(owner, **path)
        return jsonify(
            {"status": "SUCCESS", **{name: plain(value) for name, value in asdict(answer).items()}}
        )


def customer() -> str:
    """The customer who is signed in.

    :raises NotSignedIn: Nobody is, or a program asks with an API key: a key spends, and buys nothing.
    """
    context = page.context()
    keys, secret = context.app_keys, bearer()
    if keys is not None and secret is not None and secret.startswith(keys.setup.prefix):
        raise NotSignedIn("An API key spends credits, and buys none. Sign in, and ask from your page.")
    owner = context.current_owner()
    if owner is None:
        raise NotSignedIn("Sign in first.")
    return owner


def plain(value: Any) -> Any:
    """A value as JSON has it: a time in UTC, such as ``2026-11-23T08:30:00Z``."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def add_to(pages: Blueprint, path: str, calls: list[Call]) -> None:
    """Put the calls below ``path``."""
    nothing_there, name = no_call(calls), f"{programs.API}no_call"
    pages.add_url_rule(f"{path}/", name, nothing_there, methods=METHODS, defaults={"rest": ""})
    pages.add_url_rule(f"{path}/<path:rest>", name, nothing_there, methods=METHODS)
    for call in calls:
        endpoint = f"{programs.API}{call.name}"
        pages.add_url_rule(f"{path}{call.path}", endpoint, view_of(call), methods=[call.method])


def no_call(calls: list[Call]) -> Callable[[str], NoReturn]:
    """The view of each address below the API where no call is, so that it answers in the API's shape."""
    known = [(re.compile(re.sub(r"<\w+>", "[^/]+", call.path)), call.method) for call in calls]

    def view(rest: str) -> NoReturn:
        methods = sorted({method for path, method in known if path.fullmatch(f"/{rest}")})
        if methods:
            raise WrongMethod(f"This call takes {' or '.join(methods)}.", methods=methods)
        raise NoSuchCall("There is no such call. openapi.json has all of them.")

    return view


def view_of(call: Call) -> Callable[..., Response]:
    """The view of a call, under the name of its function."""

    @wraps(call.view)
    def answer(**path: Any) -> Response:
        return call.respond(**path)

    return answer
