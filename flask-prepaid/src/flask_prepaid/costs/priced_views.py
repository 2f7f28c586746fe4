"""A price on a view: its credits are held before it runs, and no lock is held while it works."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import secrets
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, current_app, make_response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from prepaid_ledger import HeldCredits, Price
from prepaid_ledger.errors import BudgetExceeded, InsufficientCredits, WalletBlocked

from .. import checks
from ..errors import BadKey, ConfigError
from ..keys.caller import Caller
from ..payments import paid_requests
from ..web import errors
from ..web.visitors import current_caller
from . import view_holds
from .lasting_ledger import PricedContext

View = ParamSpec("View")

#: A whole number of credits, a price of a price list, or what says it for this request.
ViewPrice = int | Price | Callable[[], int | Price]

#: Names what a request pays for; ``None`` is nothing.
KeyOf = Callable[[], str | None]

#: The longest item that the books have room for.
MAX_ITEM = 64

#: What a view gives: an answer, or one to wait for.
Answer = ResponseReturnValue | Awaitable[ResponseReturnValue]


def priced(prepaid: PricedContext, price: ViewPrice, key: KeyOf | None, item: str | None) -> Priced:
    """The decorator behind ``Prepaid.costs``.

    :raises ConfigError: The price is no whole number from 1 on and no function, the key is no function, or
        the item is no name.
    """
    if callable(price):
        checks.function("Prepaid.costs(credits)", price)
    elif not isinstance(price, Price):
        checks.whole("Prepaid.costs(credits)", price, min=1, max=checks.MAX_CREDITS)
    if key is not None:
        checks.function("Prepaid.costs(key=...)", key)
    if item is not None:
        checks.text("Prepaid.costs(item=...)", item, max_length=MAX_ITEM)
        if isinstance(price, Price):
            checks.refuse("Prepaid.costs(item=...)", item, "The price says its item: leave this one out.")
    return Priced(prepaid, price, key, item)


class Priced:
    """A price, ready to be put on a view."""

    def __init__(self, prepaid: PricedContext, price: ViewPrice, key: KeyOf | None, item: str | None) -> None:
        self._prepaid = prepaid
        self._price = price
        self._key = key
        self._item = item

    def __call__(self, view: Callable[View, Answer]) -> Callable[View, Response]:
        self._check(view)

        @wraps(view)
        def with_price(*args: View.args, **kwargs: View.kwargs) -> Response:
            caller, price = current_caller.current(self._prepaid), self._price_now(view)
            run = current_app.ensure_sync(view)
            if price == 0 or (isinstance(price, Price) and price.credits == 0):
                return make_response(run(*args, **kwargs))
            hold = self._open(caller, price)
            with view_holds.at_work(hold):
                response = make_response(run(*args, **kwargs))
            view_holds.end(hold, response)
            return response

        return with_price

    @property
    def __name__(self) -> str:
        """Flask asks for it where a price was put on a route in place of a view.

        :raises ConfigError: Always.
        """
        raise ConfigError("@prepaid.costs has no price. Write it in brackets: @prepaid.costs(3).")

    def _check(self, view: Any) -> None:
        """
        :raises ConfigError: It is no view, is served already without its price, or cannot be awaited here.
        """
        where = "What @prepaid.costs stands on"
        if not callable(view):
            checks.refuse(where, view, "Put it right above a view's def.")
        if inspect.isclass(view):
            cure = "It is a class: put it right above its get or post, or in its decorators."
            checks.refuse(where, view, cure)
        if inspect.isgeneratorfunction(view) or inspect.isasyncgenfunction(view):
            cure = "It yields, and would run when its request is over: return Response(parts()) from it."
            checks.refuse(where, view, cure)
        if inspect.iscoroutinefunction(view) and importlib.util.find_spec("asgiref") is None:
            raise ConfigError(
                f"{view.__name__} is async def: for that, Flask needs asgiref. pip install 'flask[async]'"
            )
        for app in self._prepaid.apps():
            if view in app.view_functions.values():
                raise ConfigError(
                    f"{view.__name__} would be served without its price: @prepaid.costs stands above its "
                    "route. Put it below, right above def."
                )

    def _price_now(self, view: Callable[..., object]) -> int | Price:
        """
        :raises ConfigError: The function gave no price and no whole number from 0 on.
        """
        price = self._price() if callable(self._price) else self._price
        if isinstance(price, Price):
            return price
        where = f"The price of {getattr(view, '__name__', 'this view')}"
        return checks.whole(where, price, min=0, max=checks.MAX_CREDITS)

    def _open(self, caller: Caller, price: int | Price) -> HeldCredits:
        """Hold the price, once for each key.

        :raises BadKey: The key is empty.
        :raises StillRunning: Another request holds it under the same key.
        :raises AlreadyPaid: Another request has paid under the same key.
        :raises NotSignedIn: The caller's key was revoked just now.
        :raises TablesMissing: ``flask prepaid upgrade`` was not run.
        """
        digest = self._digest()
        name = None if digest is None else f"{request.endpoint}:{digest}"[-120:]
        key = f"{request.endpoint}:{secrets.token_urlsafe(16)}"[-120:]
        try:
            terms: dict[str, Any] = {"credits": price, "item": self._item}
            if isinstance(price, Price):
                terms = {"price": price}
            hold = self._prepaid.hold(caller.owner, key=key, spender=caller.spender, **terms)
            if name is not None:
                self._claim(hold, caller.owner, name)
        except (InsufficientCredits, BudgetExceeded, WalletBlocked) as refusal:
            if isinstance(refusal, BudgetExceeded):
                current_caller.confirm(self._prepaid, caller)
            if name is not None:  # who has paid already needs no credits for it
                paid_requests.refuse_repeat(self._prepaid, caller.owner, name)
            raise
        except DBAPIError as error:
            raise errors.explained(error) from error
        return hold

    def _claim(self, hold: HeldCredits, owner: str, name: str) -> None:
        """Note that this hold pays for what the request's key names; if not, it is given back."""
        try:
            paid_requests.claim(self._prepaid, owner, name, hold.key)
        except BaseException:
            view_holds.give_back(hold)
            raise

    def _digest(self) -> str | None:
        """What stands for the key of this request; ``None`` where it has none.

        :raises ConfigError: The host's function gave no text.
        :raises BadKey: The key is empty.
        """
        name: object = self._key() if self._key is not None else None
        if name is None:
            return None
        if not isinstance(name, str):
            checks.refuse("What Prepaid.costs(key=...) gave", name, "Let it give a text, or None.")
        if not name:
            raise BadKey("The key of this request is empty. Send a text that names it, or no key.")
        # Whatever a client sent has a digest, half of a surrogate pair, too.
        return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]
