"""Which passwords are taken: long enough, and none that a guesser tries first."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from flask import abort
from flask_security import PasswordUtil

MAX_LENGTH = 1_000

#: Words that a guesser tries because of where the password is used.
OF_THE_SITE = ("rando number", "rando-number", "randonumber", "random number", "randomnumber")


class Passwords(PasswordUtil):
    """Flask-Security's check of the length, then our own checks. A password is never changed."""

    def normalize(self, password: str) -> str:
        if len(password) > MAX_LENGTH:
            abort(413)  # hashing it would be refused further down, by an error that no form expects
        return super().normalize(password)

    def validate(self, password: str, is_register: bool, **kwargs: Any) -> tuple[list[str] | None, str]:
        """What is wrong with a password as it was typed, and the form of it that is kept."""
        wrong, kept = super().validate(password, is_register, **kwargs)
        if wrong:
            return wrong, kept
        user = kwargs.get("user")
        email = kwargs.get("email") or (user.email if user else "")
        reason = weakness(password, email)
        return ([reason] if reason else None), kept


def weakness(password: str, email: str | None) -> str | None:
    """Why a guesser would find this password early, as a sentence; ``None`` if not."""
    plain = password.lower()
    if plain in common():
        return "This password is among the first that are tried. Choose another."
    if any(word in plain and len(plain) - len(word) < 4 for word in OF_THE_SITE):
        return "This password is little more than our name. Choose another."
    local = (email or "").partition("@")[0].lower()
    if len(local) > 3 and local in plain and len(plain) - len(local) < 4:
        return "This password is little more than your address. Choose another."
    return None


@cache
def common() -> frozenset[str]:
    """The passwords of 8 characters or more that leaked most often. Works with no network."""
    passwords = files("rando_number") / "data" / "common-passwords.txt"
    return frozenset(passwords.read_text("utf-8").split())
