"""How a code is written: what counts as the same code, and codes that nobody guesses."""

from __future__ import annotations

import hashlib
import re

#: What our own codes are made of: nothing that is read as something else, so neither 0 nor O, 1, I nor L.
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

#: A code of ours is so many groups of so many letters: 58 bits, which nobody guesses.
GROUPS, GROUP = 3, 4

#: How long a code may be, as it is compared.
MIN_LENGTH, MAX_LENGTH = 3, 40

#: What is forgiven where a code is typed.
_BLANKS = re.compile(r"[\s_-]+")
_FOLDED = re.compile(r"[A-Z0-9]+")


def folded(text: str) -> str | None:
    """A code as it is compared: without blanks and dashes, in capitals; ``None`` where it can be none."""
    plain = _BLANKS.sub("", text).upper() if isinstance(text, str) else ""
    fits = MIN_LENGTH <= len(plain) <= MAX_LENGTH and _FOLDED.fullmatch(plain)
    return plain if fits else None


def code_of(form: str) -> str:
    """The code that a form makes which names none: the same one where it is sent again.

    :param form: Its token, which nobody can guess.
    """
    return spelled(int.from_bytes(hashlib.sha256(form.encode()).digest()))


def spelled(number: int) -> str:
    """The code of a number that is drawn by chance."""
    letters = []
    for _ in range(GROUPS * GROUP):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return "-".join("".join(letters[at : at + GROUP]) for at in range(0, len(letters), GROUP))
