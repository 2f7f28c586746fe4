"""A customer is told once that the card which pays by default expires soon."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import String, and_, cast, exists, literal, or_, select

from .. import signals
from ..context import Context, transaction
from ..outbox.models import Notice
from ..outbox.notices import claim_notice
from ..payments.customers.models import Customer, SavedCard

#: How many notices one tick sends; the next tick sends the others.
AT_ONCE = 100


def send(context: Context) -> int:
    """For a card that pays by default and ends this month or the next, once for each date on it. Commits."""
    now = context.clock()
    next_month = now.replace(day=1) + timedelta(days=31)
    about = (
        literal("card:") + SavedCard.id + ":" + cast(SavedCard.exp_year * 12 + SavedCard.exp_month, String)
    )
    noted = exists().where(Notice.owner == SavedCard.owner, Notice.about == about)
    soon = or_(
        *(and_(SavedCard.exp_year == t.year, SavedCard.exp_month == t.month) for t in (now, next_month))
    )
    pays = and_(Customer.owner == SavedCard.owner, Customer.default_card_id == SavedCard.id)
    expiring = select(SavedCard, about).join(Customer, pays).where(soon, ~noted).limit(AT_ONCE)
    with transaction(context) as session:
        rows = session.execute(expiring).all()
        for card, name in rows:
            if claim_notice(session, card.owner, name):
                signals.after_commit(
                    session,
                    signals.card_expiring,
                    owner=card.owner,
                    card_id=card.id,
                    brand=card.brand,
                    last4=card.last4,
                    month=card.exp_month,
                    year=card.exp_year,
                )
    return len(rows)
