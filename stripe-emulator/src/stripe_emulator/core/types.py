"""The shape of what Stripe speaks of."""

from __future__ import annotations

from typing import Any

#: A Stripe object, or any hash in it.
Json = dict[str, Any]


def copied(value: Any) -> Any:
    """A hash or a list of one's own, with all that is in it.

    JSON is a tree, so that this need not look out for what ``copy.deepcopy`` does, and is quicker.
    """
    if isinstance(value, dict):
        return {name: copied(each) if isinstance(each, dict | list) else each for name, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value
