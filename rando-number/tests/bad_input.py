"""Texts that nobody should send."""

from __future__ import annotations

import os
from random import Random

BAD_INPUT = [
    "\x00",
    "9" * 10_000,
    "-1",
    "NaN",
    "1e400",
    "\r\nSet-Cookie: a=b",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "' OR 1=1 --",
    "../../../etc/passwd",
    "{{7*7}}",
    "٣",
]


def some(texts: list[str], seed: str, count: int = 1) -> list[str]:
    """``count`` of the texts, others by another seed; all with ``EVERY_CASE=1``, as a campaign has it."""
    return texts if os.environ.get("EVERY_CASE") == "1" else Random(seed).sample(texts, count)
