"""Whose request it is: a program's with an API key, or the customer's who is signed in."""

from __future__ import annotations

from typing import Protocol

from flask import Flask, Response, g, has_request_context, request

from ...errors import NotSignedIn, TooManyCalls
from ...fast_path.handover import GONE, handover_of
from ...keys.cache import digest_of
from ...keys.caller import Caller
from ...keys.rates import UNKNOWN
from ...keys.verbs import AppKeys
from .. import page
from .address import client_address
from .team import Team

_WINDOW = "prepaid_window"


class CallersContext(Protocol):
    """What is needed of the app to know who calls."""

    @property
    def app_keys(self) -> AppKeys | None: ...

    @property
    def team(self) -> Team: ...

    def current_owner(self) -> str | None: ...


def register(app: Flask) -> None:
    """Say on each answer of ``app`` how many calls its caller has left."""
    app.after_request(tell_the_limit)


def tell_the_limit(response: Response) -> Response:
    headers: dict[str, str] | None = g.get(_WINDOW)
    if headers is not None:
        response.headers.update(headers)
    return response


def current(context: CallersContext, *, anew: bool = True) -> Caller:
    """Who calls: by ``Authorization: Bearer``, or else the customer of this request. The call is counted.

    A Bearer that does not begin as our keys do is the host's own, if the host knows an owner by it.

    :param anew: Ask the database about the key, in place of what is remembered for ten seconds. A call that
        spends need not: the books refuse a key that was revoked.
    :raises NotSignedIn: A key opens nothing, or nobody is signed in.
    :raises TooManyCalls: The owner's calls of this minute are used up.
    """
    handover = handover_of(request.environ)
    if handover is not None and handover.window is not None:
        g.setdefault(_WINDOW, handover.window.headers())
    if handover is not None and handover.error is not None:  # the database need not be asked once more
        raise handover.error
    keys = context.app_keys
    if keys is None:
        return signed_in(context, page.customer())
    secret = bearer()
    if secret is None:
        caller = signed_in(context, page.customer())
    elif secret.startswith(keys.setup.prefix) or (owner := context.current_owner()) is None:
        digest = digest_of(secret)
        by_key = keys.cache.find_anew(digest) if anew else keys.cache.find(digest)
        if by_key is None:
            raise refusal(keys)
        caller = by_key
    else:
        caller = signed_in(context, owner)
    if handover is None:
        count(keys, caller.owner)
    return caller


def signed_in(context: CallersContext, owner: str) -> Caller:
    """A caller whom the host knows, and who of the owner's it is."""
    return Caller(owner, member=context.team.current())


def confirm(context: CallersContext, caller: Caller) -> None:
    """Refuse a caller whose key does not open any more.

    :raises NotSignedIn: It was revoked, or its owner shut out, since it was looked up.
    """
    keys = context.app_keys
    if keys is not None and not keys.cache.still_opens(caller):
        raise opens_nothing(keys)


def refusal(keys: AppKeys) -> NotSignedIn:
    """The refusal of a call that comes with no key, or with one that opens nothing.

    :raises TooManyCalls: This address has guessed too often. Before that it is not told how often it may.
    """
    count(keys, f"{UNKNOWN}{client_address() or 'unknown'}")
    g.pop(_WINDOW, None)
    return opens_nothing(keys)


def opens_nothing(keys: AppKeys) -> NotSignedIn:
    return NotSignedIn(f"Send a key of yours as Authorization: Bearer {keys.setup.prefix}...")


def count(keys: AppKeys, counter: str) -> None:
    """Count a call, and have its answer say what is left.

    :raises TooManyCalls: There were too many before it.
    """
    try:
        window = keys.setup.calls.count(counter)
    except TooManyCalls as error:
        setattr(g, _WINDOW, dict(error.headers))
        raise
    if window is not None:
        setattr(g, _WINDOW, window.headers())


def bearer() -> str | None:
    """What this request has after ``Authorization: Bearer``, if that is there."""
    words = request.headers.get("Authorization", "")
    return words[7:].strip() if words[:7].lower() == "bearer " else None


def caller_has_gone() -> bool:
    """Whether whoever asked has closed the line, where ``FastPath`` serves the app: for long answers.

    Elsewhere it is always ``False``. A stream with a meter needs it nowhere.
    """
    if not has_request_context():
        return False
    gone = request.environ.get("asgi.scope", {}).get(GONE)
    return gone is not None and gone.is_set()
