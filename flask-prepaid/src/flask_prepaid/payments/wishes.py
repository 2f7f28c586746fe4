"""What somebody wishes to buy, by a name: sent again under it, a wish is the first one, and no other."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping


def key_of(owner: str, attempt: str | None) -> str:
    """The idempotency key of an attempt. Another owner's same attempt is another key."""
    if attempt is None:
        return f"prepaid-{secrets.token_hex(16)}"
    wish = "\n".join((owner, attempt))
    return f"prepaid-{hashlib.sha256(wish.encode()).hexdigest()[:40]}"


def digest(wish: Mapping[str, object]) -> str:
    """What is asked for under a name, as it is kept to tell it from another wish under the same name."""
    return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()[:40]
