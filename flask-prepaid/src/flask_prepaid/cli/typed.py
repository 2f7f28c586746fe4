"""What is typed behind a command, looked at before anything is done: a wrong word is told with its cure."""

from __future__ import annotations

from collections.abc import Callable

import click

from prepaid_ledger import check_owner

from ..checks import MAX_CREDITS, not_own_key

#: The largest amount, and the largest id, that a table holds.
MAX_NUMBER = 2**63 - 1


def owner(written: str) -> str:
    """An owner, as ``Prepaid(owner=...)`` gives it.

    :raises ClickException: It can be none.
    """
    try:
        check_owner(written)
    except ValueError:
        raise click.ClickException(
            f"OWNER is {written!r:.80}. Write a text of 1 to 64 characters, such as user:42."
        ) from None
    return written


def whole(what: str, *, max: int = MAX_NUMBER, hint: str = "") -> Callable[[str], int]:
    """Reads a whole number from 1 on.

    :param what: What it is called in the refusal.
    :param hint: How to write it.
    """

    def number(written: str) -> int:
        is_number = written.isascii() and written.isdigit() and len(written) < 20
        if not is_number or not 1 <= int(written) <= max:
            raise click.ClickException(
                f"{what} is {written!r:.80}. Write a whole number from 1 to {max:,}{hint}."
            )
        return int(written)

    return number


def words(what: str, *, max_length: int) -> Callable[[str], str]:
    """Reads a text that says something, on one line.

    :param what: What it is called in the refusal.
    """

    def text(written: str) -> str:
        stripped = written.strip()
        if not 1 <= len(stripped) <= max_length or not stripped.isprintable():
            cure = f"Write a text of 1 to {max_length} characters, on one line."
            raise click.ClickException(f"{what} is {written!r:.80}. {cure}")
        return stripped

    return text


credits = whole("CREDITS", max=MAX_CREDITS)
payment = whole("PAYMENT", hint="; flask prepaid show OWNER lists the numbers of payments")
amount = whole("--amount", hint=", in the currency's smallest unit: 485 is $4.85")
reason = words("--reason", max_length=200)
note = words("--note", max_length=200)
key = words("--key", max_length=100)
charge = words("--charge", max_length=255)


def own_key(written: str) -> str:
    """A key for an entry, of the operator's own.

    :raises ClickException: It can be none, or is one of the extension's.
    """
    try:
        not_own_key(name := key(written))
    except ValueError as own:
        raise click.ClickException(f"--{own}.") from own
    return name
