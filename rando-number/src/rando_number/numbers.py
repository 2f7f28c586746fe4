"""The product: random numbers, a credit each. The credit and the number, or neither."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from werkzeug.datastructures import MultiDict

from flask_prepaid import Caller, Sale

from .callers import user_id
from .errors import ApiError
from .models import HIGH, LOW, Number

#: The largest whole number that every JSON reader keeps exact, JavaScript's too.
LARGEST = 2**53 - 1
MAX_AT_ONCE = 10_000


@dataclass(frozen=True)
class Ask:
    """So many numbers, each from ``low`` to ``high``, both included."""

    count: int = 1
    low: int = LOW
    high: int = HIGH

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> Ask:
        """What a JSON body asks for; what it leaves out is one number from 0 to 9.

        :raises ApiError: A field is no whole number, out of bounds, or unknown; the error names it.
        """
        refuse_unknown(fields, ("count", "min", "max"))
        count = whole_number(fields.get("count", 1), "count", 1, MAX_AT_ONCE)
        low = whole_number(fields.get("min", LOW), "min", -LARGEST, LARGEST)
        high = whole_number(fields.get("max", HIGH), "max", -LARGEST, LARGEST)
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


def new_row(caller: Caller, ask: Ask) -> dict[str, Any]:
    """Draw the numbers, as a row of ``numbers``."""
    return {
        "user_id": user_id(caller),
        "values": ask.draw(),
        "low": ask.low,
        "high": ask.high,
        "charged": ask.count,
        "api_key_id": caller.key_id,
    }


def answer(row: Mapping[str, Any], balance: int) -> dict[str, Any]:
    """What the call for one number is answered."""
    return {"status": "SUCCESS", "number": row["values"][0], "charged": row["charged"], "balance": balance}


#: What is sold: the credits and the row of ``numbers`` are one commit, or neither.
NUMBER = Sale(
    insert(Number),
    row=new_row,
    answer=answer,
    read=Ask.of_query,
    credits=lambda ask: ask.count,
    name="number",
    at="created_at",
)


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
