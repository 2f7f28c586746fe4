"""The shape of what Stripe speaks of."""

from __future__ import annotations

from typing import Any

#: A Stripe object, or any hash in it.
Json = dict[str, Any]
