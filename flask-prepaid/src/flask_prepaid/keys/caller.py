"""Whose request it is: a customer's in a browser, or a program's with one of the customer's keys."""

from __future__ import annotations

from dataclasses import dataclass

from .models import spender_of


@dataclass(frozen=True)
class Caller:
    """Whose credits a call takes.

    :param owner: The wallet that pays.
    :param key_id: The API key that the call came with; ``None`` is a customer without one.
    :param member: Who of the owner's calls without a key, as ``Prepaid(team=Team(member=...))`` says.
    """

    owner: str
    key_id: int | None = None
    member: str | None = None

    @property
    def spender(self) -> str | None:
        """Who spends, for the books: ``key:17`` or ``member:5``; ``None`` is the customer."""
        return self.member if self.key_id is None else spender_of(self.key_id)
