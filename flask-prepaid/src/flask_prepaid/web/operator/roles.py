"""Who the operators are, and what each may do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ... import checks
from ...errors import ConfigError


class Role(StrEnum):
    """``SUPPORT`` reads, writes notes, and gives small numbers of credits.

    ``FINANCE`` also gives many, makes codes, takes, refunds, closes reviews, changes plans, and
    blocks. ``ADMIN`` also runs events of the inbox again and mends what has drifted.
    """

    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"


class Right(StrEnum):
    """What an operator does beyond reading."""

    NOTE = "note"
    GRANT = "grant"
    GRANT_MANY = "grant many"
    ADJUST = "adjust"
    REFUND = "refund"
    REVIEW = "review"
    PLAN = "plan"
    BLOCK = "block"
    CODES = "codes"
    SYNC = "sync"
    REPLAY = "replay"
    MEND = "mend"


#: What each role may do. All of them may read.
RIGHTS = {
    Role.SUPPORT: frozenset({Right.NOTE, Right.GRANT}),
    Role.FINANCE: frozenset(Right) - {Right.REPLAY, Right.MEND},
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True)
class Operator:
    """One who looks after the shop, as the host says.

    :param name: Goes on the record of what they do. Best an opaque id: the record outlives an address. Of one
        who is a customer, too, it is the owner, ``user:42``: support gives nothing to itself.
    :param role: What they may do: ``Role.SUPPORT``, ``Role.FINANCE`` or ``Role.ADMIN``.
    :param prove: Where they show once more who they are before money is refunded, made from where to return
        to; ``None`` if they have just done so.
    :param links: Pages of the host's own that stand beside ours: words and URL.
    """

    name: str
    role: Role
    prove: Callable[[str], str] | None = None
    links: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        checks.text("Operator(name=...)", self.name, max_length=255)
        if self.role not in list(Role):
            checks.refuse("Operator(role=...)", self.role, "Write Role.SUPPORT, Role.FINANCE or Role.ADMIN.")
        if self.prove is not None:
            checks.function("Operator(prove=...)", self.prove, "back")

    def may(self, right: Right | str) -> bool:
        return Right(right) in RIGHTS[self.role]


def nobody_is(owner: str) -> bool:
    """Whether an owner is shut out, for a host that shuts nobody out."""
    return False


@dataclass(frozen=True)
class Operators:
    """What the host tells the operator's pages.

    :param current: The operator of this request; ``None`` is nobody, and sees nothing.
    :param find: The owners that a text from the search field is about, such as a mail address.
    :param labels: What to call owners on the pages; one that is left out is shown as it is.
    :param blocked: Whether an owner is shut out of your app, or has left it: auto top-up stops then, and a
        plan is not charged. Asked by ``tick`` before anything is charged by itself.
    :param blocked_among: Which of these owners are, by one query for all of them. Without it, ``blocked`` is
        asked of each: with API keys that is once in ten seconds for every owner who calls, in each process.
    :param block: Shuts an owner out, or lets them in again, in the transaction of the session; it is yours
        to refuse their sign-in and their keys. Raises ``PrepaidError`` with a reason where it may not be.
        Without it, the pages have no such button.
    """

    current: Callable[[], Operator | None]
    find: Callable[[str], Iterable[str]] = lambda text: ()
    labels: Callable[[Iterable[str]], Mapping[str, str]] = lambda owners: {}
    blocked: Callable[[str], bool] = nobody_is
    blocked_among: Callable[[Collection[str]], Iterable[str]] | None = None
    block: Callable[[str, bool], object] | None = None

    def __post_init__(self) -> None:
        for name, takes in TAKES.items():
            if (function := getattr(self, name)) is not None:
                checks.function(f"Operators({name}=...)", function, *takes)
        for name in ("block", "blocked_among"):
            if getattr(self, name) is not None and self.blocked is nobody_is:
                which = f"Operators({name}=...)"
                raise ConfigError(
                    f"{which} must say whom it has shut out: give it Operators(blocked=...), too."
                )

    def of_request(self) -> Operator | None:
        """The operator of this request; ``None`` is nobody.

        :raises ConfigError: The host's function gave something else.
        """
        current = self.current()
        if current is not None and not isinstance(current, Operator):
            cure = "Give Operator(name=..., role=Role.SUPPORT), or None."
            checks.refuse("What Operators(current=...) gave", current, cure)
        return current

    def shut_out(self, owners: Collection[str]) -> Collection[str]:
        """Which of these owners are shut out: by one question, if the host has said how."""
        if self.blocked_among is not None:
            return frozenset(self.blocked_among(owners))
        return {owner for owner in owners if self.blocked(owner)}


#: What each of them is called with.
TAKES = {
    "current": (),
    "find": ("text",),
    "labels": ("owners",),
    "blocked": ("owner",),
    "blocked_among": ("owners",),
    "block": ("owner", "blocked"),
}

#: For a host that says nothing: nobody is an operator.
NOBODY = Operators(current=lambda: None)
