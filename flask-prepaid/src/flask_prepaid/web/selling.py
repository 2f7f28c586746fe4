"""A call that sells, as Flask answers it: all that the fast path leaves, and the hosts without one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, cast

from flask import request
from sqlalchemy import Insert
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import MethodNotAllowed

from prepaid_ledger import KeyReused, Spent
from prepaid_ledger.errors import PrepaidError

from ..context import Context, reading
from ..fast_path import requests
from ..fast_path.sale import Sale, new_id
from ..keys.caller import Caller
from ..keys.verbs import KeyVerbs
from .visitors import current_caller


@dataclass(frozen=True)
class Sold:
    """What was sold.

    ``row`` are the values of your row, ``answer`` the fields that your sale makes of it, ``credits`` what was
    taken and ``balance`` what is left. ``repeated`` says that it was sold before, under the same name.
    """

    row: Mapping[str, Any]
    answer: dict[str, Any]
    credits: int
    balance: int
    repeated: bool


class SellingContext(current_caller.CallersContext, Context, Protocol):
    """What is needed of the app to sell."""

    def spend_now(
        self,
        owner: str,
        *,
        credits: int,
        key: str,
        work: Insert,
        values: Mapping[str, object],
        spender: str | None,
        item: str | None,
    ) -> Spent: ...


def sell(
    context: SellingContext, sale: Sale[Any], ask: Any, caller: Caller | None, idempotency_key: str | None
) -> Sold:
    """Take the credits and insert the row: both, or neither. Commits.

    :raises NotSignedIn: Nobody is signed in, or the key opens nothing.
    :raises MethodNotAllowed: It is a HEAD, whose answer would be paid for and not be shown.
    """
    if caller is None:
        if request.method == "HEAD":
            raise MethodNotAllowed(["GET"])
        caller = current_caller.current(context, anew=False)
        ask = sale.read(request.args) if ask is None else ask
        if idempotency_key is None:
            idempotency_key = request.headers.get("Idempotency-Key")
    if idempotency_key is not None:
        requests.checked_key(idempotency_key)
    release(context)
    try:
        sold = spend(context, sale, ask, caller, idempotency_key)
    except (PrepaidError, IntegrityError) as error:
        if getattr(error, "http_status", 0) != 503:
            current_caller.confirm(context, caller)
        raise
    if sold.repeated:
        current_caller.confirm(context, caller)
    return sold


def spend(
    context: SellingContext, sale: Sale[Any], ask: Any, caller: Caller, idempotency_key: str | None
) -> Sold:
    """Sell, or find what was sold before under the same name."""
    engine, owner = context.engine, caller.owner
    id, is_new = new_id(), True
    if idempotency_key is not None:
        id, is_new = requests.begin(engine, owner, sale.name, idempotency_key, sale.digest(ask))
    row, terms = sale.begin(caller, ask, id, context.clock())
    first = None if is_new else sale.first(engine, owner, row)
    if first is None:
        with suppress(KeyReused):  # the same request by another key was faster
            spent = context.spend_now(owner, **terms)
            if not spent.repeated:
                return Sold(row, sale.answer(row, spent.balance), terms["credits"], spent.balance, False)
        first = sale.first(engine, owner, row)
    assert first is not None, "what is repeated was sold"
    return Sold(first[0], sale.answer(*first), terms["credits"], first[1], True)


def release(context: SellingContext) -> None:
    """Give back the connection of the host's session: whoever waits for a commit keeps none."""
    with reading(context):
        pass


class SellingVerbs(KeyVerbs):
    """The verbs of calls that sell, which ``Prepaid`` has."""

    def sell(
        self: SellingContext,
        sale: Sale[Any],
        ask: Any = None,
        *,
        caller: Caller | None = None,
        idempotency_key: str | None = None,
    ) -> Sold:
        """Take the credits of a call and insert its row: both, or neither. Commits.

        In a view, ``jsonify(prepaid.sell(ROLL).answer)`` reads the request: the caller by its key or session,
        what is asked for by its query, and its ``Idempotency-Key``. Sent again under the same within a day, a
        request gets the first answer and pays nothing.

        :param ask: What is asked for, where it does not come from the query.
        :param caller: Who pays, where it is not the caller of this request; the request is not read then.
        :param idempotency_key: Names what is wanted, where no header does.
        :raises InsufficientCredits: Fewer credits are left.
        :raises BudgetExceeded: A budget of the key or of the wallet has fewer left.
        :raises NotSignedIn: Nobody is signed in, or the key opens nothing.
        :raises TooManyCalls: The owner has called too often this minute.
        :raises BadIdempotencyKey: It is empty, too long, or no plain text.
        :raises IdempotencyConflict: It stands for something else that was asked for within a day.
        :raises Busy: The database did not get to it. What came of it, the same idempotency key tells.
        """
        return sell(self, sale, ask, caller, idempotency_key)

    def refuse_caller(self: SellingContext) -> NoReturn:
        """Refuse a call for which you know nobody, as one with a key that opens nothing is refused.

        :raises NotSignedIn: Always, but for an address that has done so too often.
        :raises TooManyCalls: It has.
        """
        raise current_caller.refusal(cast(KeyVerbs, self).require_keys())

    def current_caller(self: SellingContext, *, spends: bool = False) -> Caller:
        """Who calls: the owner of the API key in the header, or the customer who is signed in.

        The key comes as ``Authorization: Bearer``. The call is counted against ``Keys(calls=...)``.

        :param spends: The call does nothing but spend: what is remembered of a key for ten seconds will do
            then, since the books refuse the spends of a revoked one.
        :raises NotSignedIn: The key opens nothing, or nobody is signed in.
        :raises TooManyCalls: The owner has called too often this minute.
        """
        return current_caller.current(self, anew=not spends)
