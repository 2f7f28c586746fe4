"""Who may import whom."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {}
