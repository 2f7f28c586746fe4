"""The ledger of a request that outlasts it: a stream goes on when the request's session is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from flask import Flask, current_app, has_app_context

from prepaid_ledger import HeldCredits, Ledger, Price

from ..web import page
from ..web.visitors import current_caller


class PricedContext(current_caller.CallersContext, page.PageContext, Protocol):
    """What a price needs of the app: its ledger in this request, and on the engine after it."""

    def hold(
        self,
        owner: str,
        credits: int | None = None,
        *,
        key: str,
        price: Price | None = None,
        spender: str | None = None,
    ) -> HeldCredits: ...

    def apps(self) -> Iterable[Flask]:
        """The apps that this price list is set up for."""

    @property
    def books(self) -> Ledger:
        """The books on the engine: no session of the host's is needed."""


class LastingLedger:
    """A ledger in the request's session as long as there is one, then on the engine alone."""

    def __init__(self, prepaid: PricedContext) -> None:
        self._prepaid = prepaid
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]
        self._later = prepaid.books

    def __getattr__(self, verb: str) -> Any:
        is_here = has_app_context() and current_app._get_current_object() is self._app  # type: ignore[attr-defined]
        return getattr(self._prepaid if is_here else self._later, verb)
