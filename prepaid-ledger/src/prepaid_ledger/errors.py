"""What can go wrong with credits, and with which status it is answered.

PrepaidError
├── InsufficientCredits      fewer credits are available than are asked for     402
├── WalletBlocked            a debt stands, and the host blocks spending on it  402
├── BudgetExceeded           a budget has less left than is asked for            402
├── KeyReused                the key has already moved something else           409
├── HoldClosed               the hold has already ended                         409
├── NothingToReverse         no such spend, or it is reversed already           409
├── Busy                     the database did not get to it in time             503
└── UnknownVersion           the tables are not of a version known here         503
    └── TablesLack           they are not what their version makes              503

The world's errors are raised and handled. Our own mistakes are asserts, never caught.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol


def credits_are(count: int) -> str:
    """``1 credit is`` or ``3 credits are``."""
    return "1 credit is" if count == 1 else f"{count} credits are"


class SaysCredits(Protocol):
    """How credits are written for people: a ``Unit``."""

    def number(self, credits: int) -> str: ...

    def text(self, credits: int) -> str: ...

    def verb(self, credits: int) -> str: ...


class PrepaidError(Exception):
    """The base of all. ``code`` is for programs, ``str(error)`` for people.

    ``message`` is for people whose credits have another name, or decimals.
    """

    http_status = 400
    code = "prepaid_error"

    @property
    def details(self) -> dict[str, int | str | None]:
        """What a program needs to act on it, beside the code: values for JSON."""
        return {}

    def message(self, unit: SaysCredits) -> str:
        """What happened, with credits as ``unit`` writes them."""
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Task queues and pools of processes hand errors on as copies."""
        return _copied, (type(self), self.args), vars(self)


def _copied(kind: type[PrepaidError], args: tuple[object, ...]) -> PrepaidError:
    """An error without what its constructor asks for; the rest of it is set after."""
    error = kind.__new__(kind)
    error.args = args
    return error


class InsufficientCredits(PrepaidError):
    """The wallet holds fewer credits than are asked for. Nothing was taken."""

    http_status = 402
    code = "insufficient_credits"

    def __init__(self, owner: str, *, needed: int, available: int) -> None:
        super().__init__(
            f"{credits_are(needed)} needed, {available} {'is' if available == 1 else 'are'} available"
        )
        self.owner = owner
        self.needed = needed
        self.available = available

    def message(self, unit: SaysCredits) -> str:
        needed = f"{unit.text(self.needed)} {unit.verb(self.needed)} needed"
        return f"{needed}, {unit.number(self.available)} {unit.verb(self.available)} available"

    @property
    def details(self) -> dict[str, int | str | None]:
        return {"balance": self.available, "needed": self.needed}


class WalletBlocked(PrepaidError):
    """Credits were clawed back after they were spent; the debt is paid first."""

    http_status = 402
    code = "wallet_blocked"

    def __init__(self, owner: str, *, debt: int) -> None:
        super().__init__(
            f"{credits_are(debt)} owed; the next purchase pays {'it' if debt == 1 else 'them'} first"
        )
        self.owner = owner
        self.debt = debt

    def message(self, unit: SaysCredits) -> str:
        them = "it" if unit.verb(self.debt) == "is" else "them"
        return f"{unit.text(self.debt)} {unit.verb(self.debt)} owed; the next purchase pays {them} first"


class BudgetExceeded(PrepaidError):
    """A budget has fewer credits left in its window than are asked for. Nothing was taken.

    ``spender`` is whose budget it is, ``None`` the whole wallet's; ``every`` is its window by the clocks of
    ``zone``, ``None`` for ever. Of its ``credits`` so many are ``left`` until ``resets_at``.
    """

    http_status = 402
    code = "budget_exceeded"

    def __init__(
        self,
        owner: str,
        *,
        spender: str | None,
        every: str | None,
        zone: str,
        credits: int,
        needed: int,
        left: int,
        resets_at: datetime | None,
    ) -> None:
        is_needed = f"{needed} {'is' if needed == 1 else 'are'}"
        super().__init__(_over_budget(spender, every, str(credits), str(left), is_needed, resets_at))
        self.owner = owner
        self.spender = spender
        self.every = every
        self.zone = zone
        self.credits = credits
        self.needed = needed
        self.left = left
        self.resets_at = resets_at

    def message(self, unit: SaysCredits) -> str:
        is_needed = f"{unit.number(self.needed)} {unit.verb(self.needed)}"
        credits, left = unit.number(self.credits), unit.number(self.left)
        return _over_budget(self.spender, self.every, credits, left, is_needed, self.resets_at)

    @property
    def details(self) -> dict[str, int | str | None]:
        return {
            "spender": self.spender,
            "every": self.every,
            "budget": self.credits,
            "left": self.left,
            "needed": self.needed,
            "resets_at": self.resets_at.isoformat() if self.resets_at else None,
        }


def _over_budget(
    spender: str | None,
    every: str | None,
    credits: str,
    left: str,
    is_needed: str,
    resets_at: datetime | None,
) -> str:
    whose = "the wallet" if spender is None else repr(spender)
    budget = f"the budget of {whose}, {credits} {'in all' if every is None else f'a {every}'}"
    until = "" if resets_at is None else f"; it begins anew at {resets_at:%Y-%m-%d %H:%M} UTC"
    return f"{budget}, has {left} left, and {is_needed} needed{until}"


class KeyReused(PrepaidError):
    """The key names an earlier posting with other arguments. Nothing was moved."""

    http_status = 409
    code = "key_reused"

    def __init__(self, key: str, message: str | None = None) -> None:
        super().__init__(message or f"the key {key!r} has already moved something else")
        self.key = key


class HoldClosed(PrepaidError):
    """The hold was captured, released or has expired."""

    http_status = 409
    code = "hold_closed"


class NothingToReverse(PrepaidError):
    """There is no such spend in the wallet, or nothing of it is left to give back."""

    http_status = 409
    code = "nothing_to_reverse"


class Busy(PrepaidError):
    """The database was held by somebody else for too long. Nothing was moved; try again."""

    http_status = 503
    code = "unavailable"


#: What to do about tables that this code has not made.
NEW_DATABASE = "begin with a new database, or install the version that made them."


class UnknownVersion(PrepaidError):
    """The database has tables of a version that this code does not know. Nothing was changed."""

    http_status = 503
    code = "unavailable"

    def __init__(self, version_table: str, version: str) -> None:
        super().__init__(
            f"These tables were made before 0.1, or by a later version than this one ({version_table} is at "
            f"{version}): {NEW_DATABASE}"
        )


class TablesLack(UnknownVersion):
    """The tables are not those that their version makes: another commit has made them under its number.

    Nothing was changed. ``lacking`` names what is not there, such as ``prepaid_entry.item``.
    """

    def __init__(self, lacking: Sequence[str]) -> None:
        PrepaidError.__init__(
            self,
            f"These tables were made by another commit under the same version. They lack "
            f"{', '.join(lacking)}: {NEW_DATABASE}",
        )
        self.lacking = tuple(lacking)


class UnfitDatabase(RuntimeError):
    """The database is not PostgreSQL or an SQLite file, or cannot make a commit durable.

    Or a session leads to another database, or another schema, than the ledger's.
    """
