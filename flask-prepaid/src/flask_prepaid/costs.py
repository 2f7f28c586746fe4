"""Views that cost credits: hold, view, capture, and no lock while the view works."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue

from prepaid_ledger import LedgerVerbs

from .web import page

View = ParamSpec("View")


def priced(
    ledger: LedgerVerbs, credits: int
) -> Callable[[Callable[View, ResponseReturnValue]], Callable[View, Response]]:
    """The decorator behind ``Prepaid.costs``."""

    def decorate(view: Callable[View, ResponseReturnValue]) -> Callable[View, Response]:
        @wraps(view)
        def with_price(*args: View.args, **kwargs: View.kwargs) -> Response:
            key = f"{request.endpoint}:{secrets.token_urlsafe(16)}"[-120:]
            with ledger.hold(page.customer(), credits, key=key) as hold:
                response = make_response(view(*args, **kwargs))
                if response.status_code < 400:
                    hold.capture()
            return response

        return with_price

    return decorate
