"""Reasons that operators wrote: with their name on the record, without it where the customer reads them."""

from __future__ import annotations

import re

#: How a reason ends that an operator wrote.
SIGNED = re.compile(r" ?\(by ([^()]+)\)\Z")


def unsigned(reason: str | None) -> str:
    """A reason without the name of the operator who wrote it."""
    return SIGNED.sub("", reason or "")
