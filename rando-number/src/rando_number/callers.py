"""Whose request it is: a customer's in a browser, or a program's with one of the customer's keys."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from flask_security import current_user

from .models import User, owner_of


@dataclass(frozen=True)
class Caller:
    """Whose credits a call takes, and the key that it came with, if any.

    :param cap_per_month: The most that the key may take in a month.
    :param spending_limit: The most that its owner lets everything take in a month.
    """

    user_id: int
    key_id: int | None = None
    cap_per_month: int | None = None
    spending_limit: int | None = None

    @property
    def is_capped(self) -> bool:
        """Whether the credits that are taken have to be counted by the month."""
        return self.cap_per_month is not None or self.spending_limit is not None

    @property
    def owner(self) -> str:
        return owner_of(self.user_id)


def caller_of(user: User) -> Caller:
    """The caller that a customer is in a browser."""
    return Caller(user.id, spending_limit=user.cap_per_month)


def signed_in() -> User | None:
    """The user of this request's session."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def customer() -> User:
    """The user of this request, in a view that only signed-in users reach."""
    user = signed_in()
    assert user is not None, f"a view of {current_app.name} forgot auth_required"
    return user


def owner() -> str | None:
    """The wallet of this request; ``None`` if nobody is signed in."""
    user = signed_in()
    return user.owner if user else None
