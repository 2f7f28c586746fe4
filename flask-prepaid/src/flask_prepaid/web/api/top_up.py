"""Auto top-up: how it is set, and switching it on and off."""

from __future__ import annotations

from ...languages import units
from ...payments import models
from ...purchases.auto_topup import topups
from .. import page
from ..pages import top_up as form
from . import shapes
from .shapes import TopUpAnswer


def top_up(owner: str) -> TopUpAnswer:
    """Auto top-up as it is set."""
    row = topups.setting(page.context().session, owner)
    return TopUpAnswer(shown(row) if row else None)


def top_up_on(owner: str) -> TopUpAnswer:
    """Switch auto top-up on; it pays with the card that pays by default. Without one it answers 409."""
    return TopUpAnswer(shown(form.switch_on(owner)))


def top_up_off(owner: str) -> TopUpAnswer:
    """Switch auto top-up off."""
    topups.switch_off(page.context(), owner)
    return top_up(owner)


def shown(row: models.TopUp) -> shapes.TopUp:
    summary = topups.summary(page.context(), row)
    return shapes.TopUp(
        on=row.on,
        pack=row.pack,
        threshold=units.plain(row.threshold),
        times=summary.times if summary else 0,
        charged_minor=summary.charged_minor if summary else 0,
        currency=row.currency,
        stopped=row.stopped,
    )
