"""What a caller may give, checked before anything is done: each refusal names the field and what it may be.

Imports nothing of ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

#: What no database keeps in a text: a NUL, and half of a surrogate pair.
UNFIT = re.compile("[\x00\ud800-\udfff]")

#: Keys that begin so are the ledger's own.
OWN_KEYS = ("expiry:", "hold:", "repay:", "reversal:", "rollover:")

#: More credits than this in one posting are a mistake, and sums of many still fit the columns. So of money.
MAX_CREDITS = MAX_MINOR = 10**15

#: The longest reason.
MAX_REASON = 255

#: The longest time for which credits are held.
MAX_HELD = timedelta(days=366)


def is_fit(text: str) -> bool:
    """Whether a database can keep a text. What can be printed needs no search: it is slow."""
    return text.isprintable() or UNFIT.search(text) is None


def check_owner(owner: str) -> None:
    """Refuse what can't be an owner, before anything is done for one.

    :raises ValueError: It is no text, empty, longer than 64 characters, or holds what a database can't keep.
    """
    if not isinstance(owner, str) or not 1 <= len(owner) <= 64 or not is_fit(owner):
        raise ValueError(f"an owner is a text of 1 to 64 characters, such as user:42, not {owner!r:.80}")


def check_key(key: str) -> None:
    """:raises ValueError: The key is empty, longer than 120 characters, or the ledger's own."""
    if not isinstance(key, str) or not 1 <= len(key) <= 120 or not is_fit(key):
        raise ValueError(
            "a key is a text of 1 to 120 characters that names the cause, such as report:17, not "
            f"{key!r:.160}"
        )
    if key.startswith(OWN_KEYS):
        raise ValueError(f"keys that begin with {key.split(':', maxsplit=1)[0]}: are the ledger's own")


def check_reason(reason: str | None, *, optional: bool = False) -> None:
    """:raises ValueError: It is no text, longer than a database keeps, or holds what none keeps."""
    if reason is None and optional:
        return
    if not isinstance(reason, str) or len(reason) > MAX_REASON or not is_fit(reason):
        raise ValueError(
            f"a reason is a text of at most {MAX_REASON} characters, such as 'a trial', not {reason!r:.300}"
        )


def check_text(field: str, text: str | None) -> None:
    """:raises ValueError: It is given, and no text, or holds what a database can't keep."""
    if text is not None and (not isinstance(text, str) or not is_fit(text)):
        raise ValueError(f"{field} is a text, not {text!r:.80}")


def is_whole(number: object, min: int, max: float = math.inf) -> bool:
    """Whether it is a whole number from ``min`` to ``max``. ``True`` is none, and neither is ``3.0``."""
    return isinstance(number, int) and not isinstance(number, bool) and min <= number <= max


def check_whole(field: str, number: int, min: int, max: int) -> None:
    """:raises ValueError: It is no whole number from ``min`` to ``max``."""
    if not is_whole(number, min, max):
        raise ValueError(f"{field} is a whole number from {min:,} to {max:,}, not {number!r:.80}")


def check_credits(credits: int) -> None:
    """:raises ValueError: It is not a whole number from 1 on."""
    if not is_whole(credits, 1, MAX_CREDITS):
        raise ValueError(f"credits are a whole number from 1 to {MAX_CREDITS:,}, not {credits!r}")


def check_adjustment(credits: int) -> None:
    """:raises ValueError: It is no whole number, or 0."""
    if not is_whole(credits, -MAX_CREDITS, MAX_CREDITS) or credits == 0:
        raise ValueError(
            f"credits of an adjustment are a whole number up to {MAX_CREDITS:,}, below 0 to take some, "
            f"not {credits!r}"
        )


def check_money(amount_minor: int, tax_minor: int, currency: str) -> None:
    """:raises ValueError: It is nothing that a customer can have paid; the message names the field."""
    for field, minor in (("amount_minor", amount_minor), ("tax_minor", tax_minor)):
        if not is_whole(minor, 0, MAX_MINOR):
            raise ValueError(
                f"{field} is a whole number from 0 to {MAX_MINOR:,}, in the smallest unit of the currency: "
                f"1234 is $12.34; not {minor!r:.80}"
            )
    if tax_minor > amount_minor:
        raise ValueError(f"tax_minor is {tax_minor}. Write a part of amount_minor, {amount_minor}.")
    if not isinstance(currency, str) or not re.fullmatch("[a-z]{3}", currency):
        raise ValueError(f"currency is a code of three small letters, such as usd, not {currency!r:.80}")


def check_many(field: str, many: Iterable[object]) -> None:
    """:raises ValueError: It is one text, whose letters would be taken for many; or nothing that has many."""
    if isinstance(many, str | bytes) or not isinstance(many, Iterable):
        raise ValueError(f"{field} are many, such as a list, not {many!r:.80}")


def check_held_for(field: str, time: timedelta) -> None:
    """:raises ValueError: It is no time for which credits can be held."""
    if not isinstance(time, timedelta) or not timedelta(0) < time <= MAX_HELD:
        raise ValueError(
            f"{field} is a timedelta above 0, up to {MAX_HELD.days} days, such as timedelta(hours=1), "
            f"not {time!r:.80}"
        )


def check_rules(field: str, rules: Iterable[Callable[..., object]]) -> None:
    """:raises ValueError: One of them is no rule of an audit."""
    for rule in rules:
        if not callable(rule):
            raise ValueError(f"{field} are functions that take a connection, not {rule!r:.80}")


def check_time(field: str, time: datetime | None, *, optional: bool = False) -> None:
    """:raises ValueError: It is no time, or has no zone; the message names the field."""
    if time is None and optional:
        return
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise ValueError(f"{field} is a time with its zone, such as datetime.now(UTC), not {time!r}")
    try:
        time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{field} is a time of the years 1 to 9999 in UTC, not {time!r}") from None
