"""What a developer writes is checked where it is written: a refusal names the place and the cure."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from prepaid_ledger import is_fit, is_whole

from .errors import ConfigError

#: The most credits that one pack, plan, price or form may move.
MAX_CREDITS = 1_000_000_000

#: The longest that anything lasts: credits, holds, graces.
MAX_PERIOD = timedelta(days=36_500)

#: The largest number of a row that a database can have.
MAX_ID = 2**63 - 1

#: No time is as late as this: the clocks of any zone can still show it.
TOO_LATE = datetime(9999, 1, 1, tzinfo=UTC)

#: Keys of entries that begin so are the extension's: the host's payment 17 is another one than its own.
OWN_KEYS = ("balance:", "code:", "invoice:", "once:", "payment:", "referral:")

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

#: So many letters of what was written are shown.
_SHOWN = 60


def refuse(where: str, value: object, cure: str) -> NoReturn:
    """Say what stands where, and what to write instead.

    :raises ConfigError: Always.
    """
    written = repr(value)
    if len(written) > _SHOWN:
        written = f"{written[:_SHOWN]}..."
    raise ConfigError(f"{where} is {written}. {cure}")


def whole(where: str, value: Any, *, min: int, max: int, hint: str = "") -> int:
    """A whole number within bounds. ``True`` is none, and neither is ``3.0``.

    :raises ConfigError: It is none.
    """
    if not is_whole(value, min, max):
        refuse(where, value, f"Write a whole number from {min:,} to {max:,}.{hint and f' {hint}'}")
    return int(value)


def not_own_key(key: Any) -> None:
    """A key for an entry of the host's: what is bought later under one of ours would bring no credits.

    :raises ValueError: It is one of ours.
    """
    if isinstance(key, str) and key.startswith(OWN_KEYS):
        raise ValueError(
            f"key is {key!r:.80}. Keys that begin with {key.partition(':')[0]}: are Prepaid's own: write "
            f"another word, such as my-{key:.40}"
        )


def row_id(where: str, value: Any) -> int:
    """The number of a row, as a verb is given it.

    :raises ValueError: It is none.
    """
    if not is_whole(value, 1, MAX_ID):
        raise ValueError(f"{where} is {value!r:.60}. Write the id of a row, a whole number from 1 on.")
    return int(value)


def words(where: str, value: object) -> str:
    """A text that a database can keep, as a verb is given it.

    :raises ValueError: It is none.
    """
    if not isinstance(value, str) or not is_fit(value):
        raise ValueError(f"{where} is {value!r:.60}. Write a text.")
    return value


def switch(where: str, value: object) -> bool:
    """
    :raises ConfigError: It is neither ``True`` nor ``False``.
    """
    if not isinstance(value, bool):
        refuse(where, value, "Write True or False.")
    return value


def text(where: str, value: object, *, max_length: int) -> str:
    """Something that people can read on one line.

    :raises ConfigError: It is no text, empty, too long, or has letters that cannot be printed.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > max_length or not value.isprintable():
        refuse(where, value, f"Write a text of 1 to {max_length} characters, on one line.")
    return value


def slug(where: str, value: object) -> str:
    """The name of an offer in forms and URLs.

    :raises ConfigError: It is no such name.
    """
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        refuse(
            where, value, "Write letters (without accents), digits, - and _, at most 64, such as 'starter'."
        )
    return value


def period(where: str, value: object, *, min: timedelta) -> timedelta:
    """How long something lasts, up to ``MAX_PERIOD``.

    :raises ConfigError: It is no ``timedelta``, or out of bounds.
    """
    if not isinstance(value, timedelta) or not min <= value <= MAX_PERIOD:
        refuse(
            where,
            value,
            f"Write a timedelta from {spoken(min)} to {spoken(MAX_PERIOD)}, such as timedelta(days=30).",
        )
    return value


def function(where: str, value: object, *takes: str, also: Collection[str] = ()) -> None:
    """A function that is called with these arguments, and answers at once.

    :param also: Those that it is given by name.

    :raises ConfigError: It can't be called, is async, yields, or takes other arguments.
    """
    if not callable(value):
        refuse(where, value, "Give it a function.")
    forms = (value, getattr(value, "__call__", None))  # an object may be called, too  # noqa: B004
    if any(inspect.iscoroutinefunction(form) or inspect.isasyncgenfunction(form) for form in forms):
        refuse(where, value, "Give it a function, not an async one: nobody awaits it.")
    if any(inspect.isgeneratorfunction(form) for form in forms):
        refuse(where, value, "Give it a function that returns, not one that yields.")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # a function written in C need not say what it takes
        return
    try:
        signature.bind(*takes, **dict.fromkeys(also))
    except TypeError:
        called = f"with {' and '.join(takes)}" if takes else "without arguments"
        refuse(where, value, f"It is called {called}, and takes {signature}.")


def choice(where: str, value: object, choices: Collection[str]) -> str:
    """One of a few words.

    :raises ConfigError: It is none of them; the closest one is named.
    """
    if not isinstance(value, str) or value not in choices:
        one_of = "one of " if len(choices) > 1 else ""
        refuse(where, value, f"{did_you_mean(value, choices)}Write {one_of}{', '.join(choices)}.")
    return value


def did_you_mean(value: object, choices: Collection[str], *, prefix: str = "") -> str:
    """A question with the closest word, or nothing where none is close.

    :param prefix: What all words begin with where they are written; it makes none of them closer.
    """
    word = str(value)
    alike = [each for each in choices if len(word) > 1 and (each.startswith(word) or word.startswith(each))]
    near = sorted(alike, key=len)[:1] or difflib.get_close_matches(word, choices, 1)
    return f"Did you mean {prefix}{near[0]}? " if near else ""


def spoken(period: timedelta) -> str:
    """``30 s``, ``2 h`` or ``14 days``."""
    seconds = period.total_seconds()
    if period >= timedelta(days=1):
        return f"{period.days:,} day{'s' * (period.days != 1)}"
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds:g} s"
