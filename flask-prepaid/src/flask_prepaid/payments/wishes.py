"""What somebody wishes to buy, by a name: sent again under it, a wish is the first one, and no other."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping

#: The most characters of a host's key for a sale or a refund.
MAX_KEY = 255


def key_of(owner: str, attempt: str | None) -> str:
    """The idempotency key of an attempt. Another owner's same attempt is another key."""
    if attempt is None:
        return f"prepaid-{secrets.token_hex(16)}"
    wish = "\n".join((owner, attempt))
    return f"prepaid-{hashlib.sha256(wish.encode()).hexdigest()[:40]}"


def digest(wish: Mapping[str, object]) -> str:
    """What is asked for under a name, as it is kept to tell it from another wish under the same name."""
    return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()[:40]


def of_verb(key: object) -> str | None:
    """The host's key, as the name of a wish that no form and no job can have.

    :raises ValueError: It is no text of 1 to 255 characters that can be printed.
    """
    if key is None:
        return None
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise ValueError(f"key is {key!r:.60}. Write a text of 1 to {MAX_KEY} characters, or leave it out.")
    return f"verb:{key}"
