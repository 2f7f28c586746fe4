"""Auto top-up: buy packs by itself when the credits run low, within a monthly ceiling.

Off until its owner switches it on. One is in flight per wallet. ``topup_rules`` says when it is time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Wallet

from ... import signals
from ...catalog import Offer, Pack
from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import NoCard, TooManyAttempts, UnknownItem
from ...languages import formats
from ...languages.words import gettext as _
from ...outbox.notices import claim_notice
from ...payments import card_testing, payments, tax_rates
from ...payments.customers import billing_details
from ...payments.models import Payment, PaymentState, TopUp, Via
from ...subscriptions import currencies
from .. import charging, stop_reasons
from ..saved_cards import cards_on_file
from . import topup_ceiling, topup_rules
from .topup_rules import Buy, Skip, Stop

#: The largest threshold, and the largest ceiling in the smallest unit of a currency.
MAX_THRESHOLD = 10**9
MAX_CEILING_MINOR = 10**12


def setting(session: Session, owner: str) -> TopUp | None:
    """What the owner has set, on or off; ``None`` if never."""
    return session.get(TopUp, owner)


@dataclass(frozen=True)
class Summary:
    """Where auto top-up stands, for its owner. Amounts in the smallest unit of ``currency``.

    They have the tax in them that the owner's last purchase had. ``max_packs`` is how many it buys in one
    charge at most, ``times`` how many packs a month may cost.
    ``waits`` says why one that is due is not made.
    """

    charged_minor: int
    ceiling_minor: int
    currency: str
    times: int
    max_packs: int
    max_charge_minor: int
    waits: str | None


def summary(context: Context, row: TopUp) -> Summary | None:
    """``None`` if the setting's pack is not sold any more."""
    listed = context.catalog.packs.get(row.pack)
    if listed is None or not listed.amount_minor:
        return None
    pack = listed.sold_in(row.currency)
    decision = topup_rules.decide(context, row, blocked=False)
    packs = topup_rules.packs_to_reach(row.threshold, pack)
    price_minor = tax_rates.with_tax(pack.amount_minor, tax_rates.last(context, row.owner), pack.currency)
    charged = topup_ceiling.charged_this_month(context.session, row.owner, pack.currency, context.clock())
    return Summary(
        charged_minor=charged,
        ceiling_minor=row.ceiling_minor,
        currency=pack.currency,
        times=row.ceiling_minor // price_minor,
        max_packs=packs,
        max_charge_minor=packs * price_minor,
        waits=decision.reason if isinstance(decision, Skip) else None,
    )


def switch_on(context: Context, owner: str, *, pack: str, threshold: int, ceiling_minor: int) -> TopUp:
    """Top up from now on, also after it has stopped by itself. Commits.

    :param pack: As many of it are bought in one charge as bring the credits back to the threshold.
    :param threshold: Below so many available credits it buys, as soon as some are spent, or at once where
        fewer are there now.
    :param ceiling_minor: In one calendar month (UTC) no more than this is charged, tax and all.
    :raises UnknownItem: There is no such pack, it is not sold in the currency of the owner's plan, or what
        may have to be bought at once costs more than the ceiling.
    :raises NoCard: No card is on file to pay with.
    :raises BuyingPaused: Nothing is sold at the moment.
    """
    refuse_uncommitted(context)
    card_testing.refuse_unless_selling(context)
    with reading(context):
        currency = currencies.of(context, owner)
    offer = context.catalog.offer(pack=pack, currency=currency)
    with reading(context):
        currencies.require_payable(context, owner, offer.currency, field="pack")
    if not offer.amount_minor:
        raise UnknownItem("This pack costs nothing. Choose one that is bought.", field="pack")
    if not 1 <= threshold <= MAX_THRESHOLD:
        raise UnknownItem("Write from how many credits on to top up, 1 or more.", field="threshold")
    packs = topup_rules.packs_to_reach(threshold, context.catalog.packs[pack])
    with reading(context):
        price_minor = tax_rates.with_tax(offer.amount_minor, tax_rates.last(context, owner), offer.currency)
    if not packs * price_minor <= ceiling_minor <= MAX_CEILING_MINOR:
        raise UnknownItem(_ceiling_words(threshold, packs, price_minor, offer.currency), field="ceiling")
    with transaction(context) as session:
        if cards_on_file.default_card(session, owner) is None:
            raise NoCard("Save a card first: a top-up is charged to the card that pays by default.")
        row = session.get(TopUp, owner) or TopUp(owner=owner)
        _agree(session, row, offer, pack, threshold=threshold, ceiling_minor=ceiling_minor)
        session.add(row)
    return row


def _agree(
    session: Session, row: TopUp, offer: Offer, pack: str, *, threshold: int, ceiling_minor: int
) -> None:
    """Write into a setting what its owner agrees to, from now on."""
    row.on, row.pack, row.threshold, row.ceiling_minor = True, pack, threshold, ceiling_minor
    row.pack_credits, row.pack_minor, row.currency = offer.credits, offer.amount_minor, offer.currency
    row.after_payment = session.scalar(select(func.max(Payment.id))) or 0
    row.after_seq = session.scalar(select(Wallet.seq).where(Wallet.owned_by(row.owner))) or 0
    row.stopped = None


def bought_at_once(context: Context, row: TopUp) -> Offer | None:
    """What a setting buys as it stands now, its price with tax; ``None`` if nothing is due."""
    decision = topup_rules.decide(context, row, blocked=False)
    if not isinstance(decision, Buy):
        return None
    offer, rate = decision.offer, tax_rates.last(context, row.owner)
    return replace(offer, amount_minor=tax_rates.with_tax(offer.amount_minor, rate, offer.currency))


def bought_if_on(
    context: Context, owner: str, *, pack: Pack, threshold: int, ceiling_minor: int
) -> Offer | None:
    """What would be bought at once if it were switched on like this. Writes nothing."""
    row, offer = TopUp(owner=owner), context.catalog.offer(pack=pack.slug, currency=pack.currency)
    _agree(context.session, row, offer, pack.slug, threshold=threshold, ceiling_minor=ceiling_minor)
    return bought_at_once(context, row)


def _ceiling_words(threshold: int, packs: int, amount_minor: int, currency: str) -> str:
    if packs == 1:
        return _("Allow at least what one top-up costs in a month, and no more than a bank allows.")
    return _(
        "From 0 credits it takes %(packs)s of this pack to reach %(credits)s, for %(amount)s at once. "
        "Allow at least %(packs)s packs a month, choose a larger pack, or write fewer credits.",
        credits=formats.credits(threshold),
        packs=formats.plain_number(packs),
        amount=formats.amount(packs * amount_minor, currency),
    )


def switch_off(context: Context, owner: str) -> None:
    """Top up no more. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        session.execute(update(TopUp).where(TopUp.owner == owner).values(on=False))


def due(context: Context) -> list[str]:
    """The owners whose credits are low, and who want to be topped up; what has expired is written before."""
    available = func.coalesce(Wallet.balance - Wallet.held, 0)
    low = select(TopUp.owner).outerjoin(Wallet, Wallet.owner == TopUp.owner)
    return list(context.session.scalars(low.where(TopUp.on, available < TopUp.threshold)))


def top_up(context: Context, owner: str) -> Payment | None:
    """Buy with the card that pays by default what it takes, if it is time; the payment. Commits."""
    refuse_uncommitted(context)
    with reading(context):
        blocked = context.is_blocked(owner)  # the host's function
    if context.config.automatic_tax:
        billing_details.has_address(context, owner)  # by Stripe, where it is not known here
    try:
        with transaction(context):
            begun = _begin(context, owner, blocked=blocked)
    except TooManyAttempts:  # what it has written was rolled back
        with transaction(context):
            _announce_skip(context, owner, stop_reasons.TOO_MANY)
        raise
    if begun is None:
        return None
    payment, max_minor = begun
    charging.charge(context, payment, return_url=None, max_minor=max_minor)
    with transaction(context) as session:
        if payment.state is PaymentState.OPEN:
            _stop(context, session.get(TopUp, owner), stop_reasons.CHALLENGED, payment.id)
    return payment


def _begin(context: Context, owner: str, *, blocked: bool) -> tuple[Payment, int] | None:
    """The row of a top-up and what it may cost with tax; ``None`` if it is not time for one.

    The setting's row is locked, so that of two ticks at once only one begins.
    """
    row = _lock(context.session, owner)
    decision = topup_rules.decide(context, row, blocked=blocked) if row is not None else None
    if row is None or decision is None:
        return None
    if isinstance(decision, Stop):
        _stop(context, row, decision.reason, decision.payment_id)
        return None
    if isinstance(decision, Skip):
        _announce_skip(context, owner, decision.reason)
        return None
    return _write_down(context, owner, decision), decision.max_minor


def _lock(session: Session, owner: str) -> TopUp | None:
    """The setting as it now is, with every other writer kept off; ``None`` if it is gone."""
    session.execute(update(TopUp).where(TopUp.owner == owner).values(owner=owner))
    return session.get(TopUp, owner, populate_existing=True)


def _write_down(context: Context, owner: str, buy: Buy) -> Payment:
    card_testing.count_attempt(context, owner)
    return payments.write_down(context, owner, buy.offer, via=Via.TOPUP, wish=buy.wish, card_id=buy.card_id)


def _announce_skip(context: Context, owner: str, reason: str) -> None:
    """Tell of a top-up that is due and not made, once a month for each reason."""
    month = f"{topup_ceiling.month_of(context.clock()):%Y-%m}"
    if claim_notice(context.session, owner, f"topup-skipped:{month}:{reason}"):
        signals.after_commit(context.session, signals.topup_skipped, owner=owner, reason=reason)


def stop(context: Context, owner: str, reason: str, payment_id: int | None = None) -> None:
    """Switch it off if it is on, until its owner switches it on again. In the caller's transaction.

    :param reason: Can be read after "because".
    """
    row = _lock(context.session, owner)
    if row is not None and row.on:
        _stop(context, row, reason, payment_id)


def stop_after(context: Context, payment: Payment, reason: str) -> None:
    """Stop where money of a payment goes back: after a dispute of any, or a refund of a top-up."""
    if reason != stop_reasons.REFUNDED or payment.via is Via.TOPUP:
        stop(context, payment.owner, reason, payment.id)


def _stop(context: Context, row: TopUp | None, reason: str, payment_id: int | None) -> None:
    if row is None:
        return
    row.on, row.stopped = False, reason
    signals.after_commit(
        context.session, signals.topup_stopped, owner=row.owner, payment_id=payment_id, reason=reason
    )
