"""What is worth telling a customer once: that credits run low, and that a card expires soon."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import String, and_, cast, delete, exists, literal, or_, select

from prepaid_ledger import clock
from prepaid_ledger.tables import Wallet

from .. import signals
from ..context import Context, transaction
from ..payments.models import Customer, Notice, SavedCard
from ..payments.notices import is_news

LOW = "balance-low"

#: How many notices one tick sends; the next tick sends the others.
AT_ONCE = 100


def send(context: Context) -> int:
    """Send each notice that is due, once; how many were sent. Commits."""
    return send_low_balances(context) + send_expiring_cards(context)


def send_low_balances(context: Context) -> int:
    """Once for each time that a wallet goes below the threshold; only wallets that moved within a day."""
    threshold = context.config.balance_low
    if not threshold:
        return 0
    available = Wallet.balance - Wallet.held
    recovered = select(Wallet.owner).where(available >= threshold)
    noted = exists().where(Notice.owner == Wallet.owner, Notice.about == LOW)
    lately = Wallet.moved_at > context.clock() - timedelta(days=1)
    low = select(Wallet.owner, available).where(lately, available < threshold, ~noted).limit(AT_ONCE)
    with transaction(context) as session:
        session.execute(delete(Notice).where(Notice.about == LOW, Notice.owner.in_(recovered)))
        rows = session.execute(low).all()
        for owner, credits in rows:
            if is_news(session, owner, LOW):
                signals.after_commit(session, signals.balance_low, owner=owner, credits=credits)
    return len(rows)


def send_expiring_cards(context: Context) -> int:
    """For a card that pays by default and ends this month or the next, once for each date on it."""
    now = clock.wall()
    next_month = now.replace(day=1) + timedelta(days=31)
    about = (
        literal("card:") + SavedCard.id + ":" + cast(SavedCard.exp_year * 12 + SavedCard.exp_month, String)
    )
    noted = exists().where(Notice.owner == SavedCard.owner, Notice.about == about)
    soon = or_(
        *(and_(SavedCard.exp_year == t.year, SavedCard.exp_month == t.month) for t in (now, next_month))
    )
    pays = Customer.default_card_id == SavedCard.id
    expiring = select(SavedCard, about).join(Customer, pays).where(soon, ~noted).limit(AT_ONCE)
    with transaction(context) as session:
        rows = session.execute(expiring).all()
        for card, name in rows:
            if is_news(session, card.owner, name):
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
