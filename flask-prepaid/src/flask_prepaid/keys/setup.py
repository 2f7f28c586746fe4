"""What a host says of its customers' API keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .. import checks
from .rates import CallCounter, CallsPerMinute

#: How long a prefix may be, so that what is shown of a key begins with it and has some of the key in it.
PREFIX = re.compile(r"[a-z][a-z0-9]{0,5}_")


@dataclass(frozen=True)
class Keys:
    """API keys for your customers' programs: ``Prepaid(keys=Keys(prefix="acme_"))``.

    :param prefix: What each key begins with, so that whoever finds one knows whose it is: small letters and
        digits, six at most, and ``_``.
    :param max_per_owner: The most keys that one owner has at the same time.
    :param calls: Counts the calls of each owner; by default 6,000 a minute in each process.
    :raises ConfigError: One of them is none that keys can have.
    """

    prefix: str = "key_"
    max_per_owner: int = 20
    calls: CallCounter = field(default_factory=CallsPerMinute)

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str) or not PREFIX.fullmatch(self.prefix):
            checks.refuse("Keys(prefix=...)", self.prefix, 'Write up to six small letters and "_": "acme_".')
        checks.whole("Keys(max_per_owner=...)", self.max_per_owner, min=1, max=1_000)
        if not callable(getattr(self.calls, "count", None)) or "takes_time" not in dir(self.calls):
            checks.refuse("Keys(calls=...)", self.calls, "Give it CallsPerMinute(6_000).")


def read(keys: object) -> Keys | None:
    """What ``Prepaid(keys=...)`` says; ``None`` is: there are no keys.

    :raises ConfigError: It is neither a switch nor ``Keys``.
    """
    if isinstance(keys, bool):
        return Keys() if keys else None
    if not isinstance(keys, Keys):
        checks.refuse("Prepaid(keys=...)", keys, 'Write True, or Keys(prefix="acme_").')
    return keys
