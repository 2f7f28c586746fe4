"""What a user's wallet is called."""

from __future__ import annotations

import re

#: What ``owner_of`` gives, for ids that fit into their column.
OWNER = re.compile("user:([1-9][0-9]{0,17})")


def owner_of(user_id: int) -> str:
    """The name of a user's wallet, such as ``user:42``."""
    return f"user:{user_id}"


def user_id_of(owner: str) -> int | None:
    """The user whose wallet this is; ``None`` for a name that ``owner_of`` never gives."""
    written = OWNER.fullmatch(owner)
    return int(written[1]) if written else None
