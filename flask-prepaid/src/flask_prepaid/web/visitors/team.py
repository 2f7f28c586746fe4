"""Owners who are many people: who of them asks, who of them pays, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ... import checks
from ...keys.models import id_of


def everybody_pays() -> bool:
    """Whether who asks may pay, for a host that lets everybody who is signed in."""
    return True


@dataclass(frozen=True)
class Team:
    """What the host tells of an owner who is many people: ``Prepaid(team=Team(...))``.

    :param member: Who of them this request is by, as the books name who spends: ``member:5``. In that name,
        and within its budgets, ``@prepaid.costs`` and ``sell`` take the owner's credits. ``None`` is nobody
        by name. It is asked only where ``owner`` knows somebody; a call with an API key spends as the key.
    :param pays: Whether who asks may buy for the owner, see what was paid, and make keys: the others get 403
        on the customer's pages and calls of JSON. By default everybody may.
    :param labels: What to call spenders on pages, in refusals and in mails; one that is left out is shown as
        it is.
    """

    member: Callable[[], str | None]
    pays: Callable[[], bool] = everybody_pays
    labels: Callable[[Iterable[str]], Mapping[str, str]] = lambda spenders: {}

    def __post_init__(self) -> None:
        for name, takes in TAKES.items():
            checks.function(f"Team({name}=...)", getattr(self, name), *takes)

    def current(self) -> str | None:
        """Who of the owner's this request is by, for the books.

        :raises ConfigError: The host's function gave something that can be no spender.
        """
        member = self.member()
        if member is None:
            return None
        if not isinstance(member, str) or not 1 <= len(member) <= MAX_SPENDER:
            cure = f"Give a text of 1 to {MAX_SPENDER} characters such as 'member:5', or None."
            checks.refuse("What Team(member=...) gave", member, cure)
        if id_of(member) is not None:
            cure = "That is an API key, and whoever may choose a name would spend as one: begin it otherwise."
            checks.refuse("What Team(member=...) gave", member, cure)
        return member

    def label(self, spender: str) -> str:
        """What to call one of them."""
        return self.names([spender])[spender]

    def names(self, spenders: Collection[str]) -> dict[str, str]:
        """What to call each of them, on one line: in a mail, a line of its own could be a button."""
        of_host = self.labels(spenders) if spenders else {}
        return {spender: " ".join(str(of_host.get(spender, spender)).split()) for spender in spenders}


#: What each of them is called with.
TAKES = {"member": (), "pays": (), "labels": ("spenders",)}

#: The longest name of a spender that the books have room for.
MAX_SPENDER = 64

#: For a host whose owners are one person each.
ALONE = Team(member=lambda: None)
