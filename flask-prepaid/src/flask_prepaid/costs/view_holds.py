"""The hold of a view: which one is open now, and how it ends, by the answer or with its stream."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, g, has_app_context

from prepaid_ledger import HeldCredits, HoldState
from prepaid_ledger.errors import HoldClosed, PrepaidError

_CURRENT = "prepaid_hold"

log = logging.getLogger(__name__)


@contextmanager
def at_work(hold: HeldCredits) -> Iterator[None]:
    """A view is at work, and ``current_hold`` is its hold; where it fails, the credits go back."""
    before = g.get(_CURRENT)
    setattr(g, _CURRENT, hold)
    try:
        yield
    except BaseException:
        give_back(hold)
        raise
    finally:
        setattr(g, _CURRENT, before)


def current_hold() -> HeldCredits:
    """The hold of the view at work.

    :raises RuntimeError: There is none.
    """
    hold: HeldCredits | None = g.get(_CURRENT) if has_app_context() else None
    if hold is None:
        raise RuntimeError("No view that costs credits is at work here, or it is free this time.")
    return hold


def end(hold: HeldCredits, response: Response) -> None:
    """Take the credits of an answer, give back those of a failure, and wait for the end of a stream.

    :raises HoldClosed: The view has worked for longer than its credits were held, and they went elsewhere.
    """
    if response.status_code >= 400:
        give_back(hold)
    elif response.is_streamed:
        Stream(hold).charge_for(response)
    elif hold.state is HoldState.OPEN:
        try:
            hold.capture()
        except HoldClosed:
            raise HoldClosed(
                "This took longer than its credits are held for, and they went back: nothing was charged. "
                "Please ask again."
            ) from None


def give_back(hold: HeldCredits) -> None:
    if hold.state is HoldState.OPEN:
        hold.release()


class Stream:
    """What is charged for a stream: all when it ends, nothing when it breaks before its end.

    Whoever reads a part and goes away pays as well: what was delivered cannot be taken back. The view may end
    the hold itself, in its generator.
    """

    def __init__(self, hold: HeldCredits) -> None:
        self._hold = hold
        self._delivered = False

    def charge_for(self, response: Response) -> None:
        response.response = self._parts(response.response)
        response.call_on_close(self._close)

    def _parts(self, parts: Iterable[Any]) -> Iterator[Any]:
        try:
            for part in parts:
                self._delivered = True
                yield part
        except GeneratorExit:  # the reader has gone away: the view's own generator may say what that costs
            raise
        except BaseException:
            self._end_hold(taken=False)
            raise
        else:
            self._end_hold(taken=True)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _close(self) -> None:
        self._end_hold(taken=self._delivered)

    def _end_hold(self, *, taken: bool) -> None:
        """End the hold, if nobody has; the answer is out by now, so a failure goes to the log."""
        if self._hold.state is not HoldState.OPEN:
            return
        try:
            self._hold.capture() if taken else self._hold.release()
        except PrepaidError as error:
            log.error("the hold %r of a stream was not ended: %s", self._hold.key, error)
