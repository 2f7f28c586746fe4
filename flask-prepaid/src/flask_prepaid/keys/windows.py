"""The windows of a key's limit, and of the owner's own."""

from __future__ import annotations

from ..languages.words import marked

#: The windows of budgets, and how a limit goes on in words. ``None`` of a budget is ``ever``.
WINDOWS = {
    "day": marked("a day"),
    "week": marked("a week"),
    "month": marked("a month"),
    "ever": marked("in all"),
}
