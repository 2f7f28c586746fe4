"""The product: random numbers, a credit each. The credit and the number, or neither."""

from __future__ import annotations

import hashlib
import secrets
import time
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, insert, select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import MultiDict

from flask_prepaid import PrepaidError

from .callers import Caller
from .errors import ApiError
from .keys import api_keys
from .models import Number, db, prepaid, release_connection

#: The largest whole number that every JSON reader keeps exact, JavaScript's too.
LARGEST = 2**53 - 1
MAX_AT_ONCE = 10_000

#: The ledger's key of a spend is this and the id of the row in ``numbers``.
KEY_PREFIX = "number:"

#: Made once: with new parameters for each number it is run as it is.
INSERT_NUMBER = insert(cast(Table, Number.__table__))

#: How long an ``Idempotency-Key`` stands for its first answer.
KEY_LIVES = timedelta(hours=24)


@dataclass(frozen=True)
class Ask:
    """So many numbers, each from ``low`` to ``high``, both included."""

    count: int = 1
    low: int = 0
    high: int = 9

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> Ask:
        """What a JSON body asks for; what it leaves out is one number from 0 to 9.

        :raises ApiError: A field is no whole number, out of bounds, or unknown; the error names it.
        """
        refuse_unknown(fields, ("count", "min", "max"))
        count = whole_number(fields.get("count", 1), "count", 1, MAX_AT_ONCE)
        low = whole_number(fields.get("min", 0), "min", -LARGEST, LARGEST)
        high = whole_number(fields.get("max", 9), "max", -LARGEST, LARGEST)
        if low > high:
            raise ApiError(422, "invalid_parameter", "min must not be larger than max.", param="min")
        return cls(count, low, high)

    @classmethod
    def of_query(cls, args: MultiDict[str, str]) -> Ask:
        """The one number that a query asks for.

        :raises ApiError: A field is no whole number, out of bounds, unknown or there twice.
        """
        refuse_unknown(args, ("min", "max"))
        for name, texts in args.lists():
            if len(texts) > 1:
                raise ApiError(422, "invalid_parameter", f"{name} is there {len(texts)} times.", param=name)
        return cls.read({name: number_in(text) for name, text in args.items()})

    def draw(self) -> list[int]:
        """The numbers, each as likely as any other: what lies beyond the last whole span is drawn again."""
        span = self.high - self.low + 1
        end = 2**64 - 2**64 % span
        drawn: list[int] = []
        while len(drawn) < self.count:
            chance = array("Q", secrets.token_bytes(8 * (self.count - len(drawn))))
            drawn += [self.low + value % span for value in chance if value < end]
        return drawn

    def digest(self) -> str:
        return hashlib.sha256(f"{self.count}:{self.low}:{self.high}".encode()).hexdigest()


@dataclass(frozen=True)
class Drawn:
    """What was sold: the numbers, the credits taken, and the balance after."""

    values: list[int]
    charged: int
    balance: int


def sell(caller: Caller, ask: Ask, *, idempotency_key: str | None = None) -> Drawn:
    """Draw what is asked for and take a credit for each number, in one transaction.

    :param idempotency_key: The client's name for this request. A repeat within a day
        gets the first answer and takes nothing.
    :raises InsufficientCredits: Fewer credits are left than numbers are asked for.
    :raises ApiError: The key has been used to ask for something else, the API key's cap is
        reached, or it has been revoked.
    """
    earlier = earlier_numbers(caller, idempotency_key)
    if earlier is None:
        try:
            with api_keys.counted(caller, ask.count):
                return sell_new(caller, ask, idempotency_key)
        except (ApiError, PrepaidError):
            api_keys.confirm(caller)
            raise
        except IntegrityError:  # the key was revoked, or another request with this name was first
            earlier = earlier_numbers(caller, idempotency_key)
            if earlier is None:
                api_keys.confirm(caller)
                raise
    api_keys.confirm(caller)
    return repeat(caller, earlier, ask)


def sell_new(caller: Caller, ask: Ask, idempotency_key: str | None) -> Drawn:
    row = new_row(caller, ask, prepaid.clock(), idempotency_key)
    release_connection()
    spent = prepaid.spend_now(caller.owner, **terms(row))
    return Drawn(row["values"], ask.count, spent.balance)


def new_row(caller: Caller, ask: Ask, at: datetime, idempotency_key: str | None = None) -> dict[str, Any]:
    """Draw the numbers, as a row of ``numbers``.

    :param at: The time now by the clock of credits, so that a call and its entry are on one day.
    """
    return {
        "user_id": caller.user_id,
        "id": new_id(),
        "values": ask.draw(),
        "low": ask.low,
        "high": ask.high,
        "created_at": at,
        "charged": ask.count,
        "api_key_id": caller.key_id,
        "idempotency_key": idempotency_key,
        "request_digest": ask.digest() if idempotency_key else None,
    }


def terms(row: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the spend that takes the credits and inserts the row."""
    return {"credits": row["charged"], "key": KEY_PREFIX + row["id"], "work": INSERT_NUMBER, "values": row}


def earlier_numbers(caller: Caller, idempotency_key: str | None) -> Number | None:
    """The numbers that this key bought within a day. An older key is free again."""
    if idempotency_key is None:
        return None
    named = (Number.user_id == caller.user_id, Number.idempotency_key == idempotency_key)
    earlier = db.session.scalar(select(Number).where(*named))
    if earlier is not None and earlier.created_at < prepaid.clock() - KEY_LIVES:
        db.session.execute(update(Number).where(*named, Number.id == earlier.id).values(idempotency_key=None))
        db.session.commit()
        return None
    return earlier


def repeat(caller: Caller, earlier: Number, ask: Ask) -> Drawn:
    """The first answer again. The ledger answers a repeated key with its first entry, too."""
    if earlier.request_digest != ask.digest():
        raise ApiError(409, "idempotency_conflict", "This Idempotency-Key has been used for another request.")
    owner, values, charged, key = caller.owner, earlier.values, earlier.charged, KEY_PREFIX + earlier.id
    release_connection()
    return Drawn(values, charged, prepaid.spend_now(owner, credits=charged, key=key).balance)


def is_key(text: str) -> bool:
    """Whether ``text`` can be an ``Idempotency-Key``."""
    return 0 < len(text) <= 255 and text.isascii() and text.isprintable()


def new_id() -> str:
    """32 hexadecimal digits: milliseconds first, so that ids sort by time, then chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def refuse_unknown(fields: Iterable[str], known: tuple[str, ...]) -> None:
    """Refuse what nobody reads: with a word mistyped, something else would be sold than is wanted.

    :raises ApiError: There is such a field.
    """
    for name in fields:
        if name not in known:
            there_are = f"There are: {', '.join(known)}." if known else "Send a JSON object in the body."
            message = f"There is no parameter {name[:64]!r} here. {there_are}"
            raise ApiError(422, "invalid_parameter", message, param=name[:64])


def number_in(text: str) -> int | str:
    """The whole number that a query writes; the text itself where it is none."""
    is_number = len(text) <= 20 and text.isascii() and text.removeprefix("-").isdigit()
    return int(text) if is_number else text


def whole_number(value: object, param: str, low: int, high: int) -> int:
    """A whole number within bounds.

    :raises ApiError: It is not one. ``True``, ``1.0``, ``1e3`` and a text are not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ApiError(
            422, "invalid_parameter", f"{param} must be a whole number from {low} to {high}.", param=param
        )
    return value
