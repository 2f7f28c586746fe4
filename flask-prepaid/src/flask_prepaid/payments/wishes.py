"""What somebody wishes to buy, by a name: sent again under it, a wish is the first one, and no other."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

#: The most characters of a host's key for a sale or a refund.
MAX_KEY = 255


@dataclass(frozen=True)
class Wish:
    """What is asked for under a name: sent again, it finds the first, so that a double click pays once.

    ``name`` begins with who asks, ``form:``, ``json:``, ``verb:`` or ``job:``, so that none of them can take
    another's name, followed by a token of the form or the host's key. Without a name each wish is a new one.
    ``digest`` is of what was sent under the name: another wish has another one, and is refused.
    """

    name: str | None = None
    digest: str | None = None


#: Asked for under no name.
NAMELESS = Wish()


def key_of(owner: str, name: str | None) -> str:
    """The idempotency key of a wish. The same name of another owner's is another key."""
    if name is None:
        return f"prepaid-{secrets.token_hex(16)}"
    named = "\n".join((owner, name))
    return f"prepaid-{hashlib.sha256(named.encode()).hexdigest()[:40]}"


def digest(sent: Mapping[str, object]) -> str:
    """What is asked for under a name, as it is kept to tell it from another wish under the same name."""
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()[:40]


def of_verb(key: object) -> str | None:
    """The host's key, as the name of a wish that no form and no job can have.

    :raises ValueError: It is no text of 1 to 255 characters that can be printed.
    """
    if key is None:
        return None
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise ValueError(f"key is {key!r:.60}. Write a text of 1 to {MAX_KEY} characters, or leave it out.")
    return f"verb:{key}"
