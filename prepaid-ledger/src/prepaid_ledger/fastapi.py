"""Routes of a FastAPI app that cost credits: ``Depends(costs(3))``. Needs ``prepaid-ledger[fastapi]``."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .aio import AsyncHeldCredits, AsyncLedger
from .background import in_background
from .checks import is_whole
from .errors import PrepaidError
from .prices import Price, use_at
from .tables import HoldState
from .units import Unit

__all__ = ["Costs", "answer"]

log = logging.getLogger(__name__)

#: Whole credits, by that name.
CREDIT = Unit()

#: Where a request keeps its holds.
HOLDS = "prepaid_ledger.holds"

Dependency = Callable[..., Awaitable[AsyncHeldCredits]]


def nobody_by_name() -> None:
    """Who spends, where the owner is one person."""


class Costs:
    """Makes routes of ``app`` cost credits: held before the route runs, taken when it answers.

    They go back if the route raises, is cancelled, or answers 4xx or 5xx. A route that streams is charged as
    its stream ends; a reader who leaves after the first part pays. Refusals of the ledger, in any route, are
    answered as JSON.

    :param app: The app, before it serves.
    :param ledger: Whose credits are taken.
    :param owner: A dependency that gives the owner: ``user:42``. Let it raise 401 for a stranger.
    :param spender: A dependency that says who of the owner's asks: ``member:5``. Credits are taken in that
        name, within its budgets. Without it, only a budget of the whole wallet counts.
    :param unit: What credits are called in refusals, and with how many decimals they are written.
    :raises TypeError: One of them is something else; the message names it.
    """

    def __init__(
        self,
        app: FastAPI,
        ledger: AsyncLedger,
        *,
        owner: Callable[..., Any],
        spender: Callable[..., Any] = nobody_by_name,
        unit: Unit = CREDIT,
    ) -> None:
        _check(app, ledger, owner=owner, spender=spender)
        self._ledger = ledger
        self._owner = owner
        self._spender = spender
        self._unit = unit

        async def refuse(request: Request, error: Exception) -> JSONResponse:
            assert isinstance(error, PrepaidError), "the handler is registered for no other"
            return answer(error, unit)

        app.add_exception_handler(PrepaidError, refuse)
        app.add_middleware(EndsHolds, unit=unit)

    def __call__(self, price: int | Price, *, item: str | None = None) -> Dependency:
        """A dependency that holds ``price``, and gives the hold, of which the route may ``capture`` less.

        :param price: A whole number of credits from 1 on, or what ``Rates.price`` made.
        :param item: What is bought, for ``usage(by="item")``: ``report``. A price of ``Rates`` says its own.
        :raises ValueError: It is neither, an item stands beside a price, or the price is of rates with
            another scale than the unit.
        """
        terms: dict[str, Any] = {"credits": price, "item": item}
        if isinstance(price, Price):
            use_at(price, None, item, None, None, scale=self._unit.scale)
            terms = {"price": price}
        credits = price.credits if isinstance(price, Price) else price
        if not is_whole(credits, 1):
            raise ValueError(
                f"costs(price) is a whole number of credits from 1 on, or a price; not {price!r}"
            )

        async def hold(
            request: Request,
            owner: str = Depends(self._owner),
            spender: str | None = Depends(self._spender),
        ) -> AsyncHeldCredits:
            key = f"{request.url.path[:80]}:{secrets.token_urlsafe(16)}"
            held = await self._ledger.hold(owner, key=key, spender=spender, **terms)
            request.scope[HOLDS].append(held)
            return held

        return hold


def _check(app: object, ledger: object, **dependencies: object) -> None:
    """
    :raises TypeError: One of them is none that routes can be made of.
    """
    if not isinstance(app, FastAPI):
        raise TypeError(f"Costs(app, ...) is a FastAPI app, not {app!r:.80}")
    if not isinstance(ledger, AsyncLedger):
        raise TypeError(f"Costs(app, ledger, ...) is AsyncLedger(Ledger(engine)), not {ledger!r:.80}")
    for name, dependency in dependencies.items():
        if not callable(dependency):
            raise TypeError(f"Costs({name}=...) is a function, as Depends takes one, not {dependency!r:.80}")


class EndsHolds:
    """Ends what a request holds as it is answered: before the answer goes out, or at the end of a stream."""

    def __init__(self, app: ASGIApp, unit: Unit = CREDIT) -> None:
        self._app = app
        self._unit = unit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = Answering(scope.setdefault(HOLDS, []), self._unit, scope, receive, send)
        try:
            await self._app(scope, receive, answering.send)
        except asyncio.CancelledError:  # by a server whose reader has left, or whose patience is over
            await asyncio.shield(in_background(answering.end(taken=answering.is_delivered)))
            raise
        except Exception:
            await answering.end(taken=False)
            raise
        await answering.end(taken=answering.is_delivered)


class Answering:
    """One answer on its way out."""

    def __init__(
        self, holds: list[AsyncHeldCredits], unit: Unit, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._holds = holds
        self._unit = unit
        self._asgi = (scope, receive, send)
        self._send = send
        self._is_refused = False
        self.is_delivered = False

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on; the credits are taken before the first one of a whole answer."""
        if self._is_refused:
            return
        if message["type"] == "http.response.start" and not await self._charge(message):
            return
        await self._send(message)
        if message["type"] == "http.response.body":
            self.is_delivered = self.is_delivered or bool(message.get("body"))
            if not message.get("more_body"):
                await self.end(taken=True)

    async def _charge(self, start: Message) -> bool:
        """Whether the answer may go out. One whose hold has ended meanwhile is answered by the refusal."""
        has_length = any(name.lower() == b"content-length" for name, _ in start.get("headers", ()))
        try:
            if start["status"] >= 400:
                await self._end_all(taken=False)
            elif has_length:
                await self._end_all(taken=True)
        except PrepaidError as error:
            self._is_refused = True
            await answer(error, self._unit)(*self._asgi)
            return False
        return True

    async def end(self, *, taken: bool) -> None:
        """End what is still open. The answer is out by now, so a failure goes to the log."""
        try:
            await self._end_all(taken=taken)
        except PrepaidError as error:
            log.error("a hold of a request was not ended: %s", error)

    async def _end_all(self, *, taken: bool) -> None:
        for held in self._holds:
            if held.state is HoldState.OPEN:
                await (held.capture() if taken else held.release())


def answer(error: PrepaidError, unit: Unit = CREDIT) -> JSONResponse:
    """What a program is told of a refusal, with the status of the error.

    :param unit: How credits are written: whole numbers, or texts such as ``"0.125"`` where it has decimals.
    """
    details = {
        name: unit.plain(value) if unit.scale and isinstance(value, int) else value
        for name, value in error.details.items()
    }
    body = {"status": "FAILURE", "error": {"code": error.code, "message": error.message(unit), **details}}
    headers = {"Retry-After": "5"} if error.http_status == 503 else None
    return JSONResponse(body, error.http_status, headers)
