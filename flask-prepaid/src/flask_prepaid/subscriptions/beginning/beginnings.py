"""A plan that is about to be asked of Stripe: it is written down before, and found again by its wish.

An owner has one plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy import func, select

from prepaid_ledger import is_whole
from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused, PrepaidError

from ...catalog import Plan
from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import GatewayUnavailable, PlanRefused, TooManyAttempts, UnknownItem
from ...gateway.billing.subscription_values import NewSubscription, Page
from ...languages.words import gettext as _
from ...languages.words import marked
from ...payments import card_testing, timing, wishes
from ...payments.wishes import Wish
from .. import plan_rows, prices
from ..models import PlanPrice, State, Subscription
from . import earlier_plans, first_bills, trials

OTHER_CHOICE = marked("This was already asked for with another choice. Load the page again.")

TWO_AT_ONCE = marked("Another page of yours has just begun a plan. Load this page again.")


@dataclass(frozen=True)
class PlanChoice:
    """A plan, how many times over, and whether a free trial was promised with it.

    ``max_minor`` is the first payment with tax as it was shown: a card on file is not charged more. ``None``
    is any.
    """

    plan: Plan
    quantity: int = 1
    trial_promised: bool = False
    max_minor: int | None = None


@dataclass(frozen=True)
class Begun:
    """What was written down, as it was committed: ``new`` is what Stripe is asked for."""

    new: NewSubscription
    session_id: str | None
    is_repeat: bool

    @classmethod
    def of(cls, row: Subscription) -> Self:
        new = NewSubscription(row.idempotency_key, row.price_id, row.quantity, row.trial_days)
        is_repeat = row.session_id is not None or row.state is not State.REQUESTED
        return cls(new, row.session_id, is_repeat)


def begin(
    context: Context,
    owner: str,
    choice: PlanChoice,
    wish: Wish,
    *,
    card_id: str | None = None,
) -> tuple[Subscription, Begun]:
    """The row of what is about to be asked of Stripe; what was begun before it is closed. Commits.

    Of two at once, the second finds the first one's row: the database lets one of them stand.

    :raises AboveShown: The first payment is of more than was shown, and a card on file is to pay it.
    """
    earlier = begun_before(context, owner, wish)
    if earlier is not None:
        with reading(context):
            return earlier, Begun.of(earlier)
    with transaction(context):
        _count_attempt(context, owner)
    plan, quantity = choice.plan, choice.quantity
    check_quantity(plan, quantity)
    trial_days = trials.trial_days(context, owner, plan, promised=choice.trial_promised)
    price = _price_of(context, owner, plan)
    key = key_of(owner, wish.name)
    earlier_plans.close_unpaid(context, owner, key)
    if card_id is not None and choice.max_minor is not None:
        first_bills.require_within(
            context, owner, price, quantity, trial_days=trial_days, key=key, max_minor=choice.max_minor
        )
    with reading(context):
        price_id = price.id
    values = {
        "owner": owner,
        "state": State.REQUESTED,
        "price_id": price_id,
        "quantity": quantity,
        "trial_days": trial_days,
        "trial_credits": plan.trial_credits * quantity if trial_days else 0,
        "idempotency_key": key,
        "sent_digest": wish.digest,
        "card_id": card_id,
        "created_at": context.clock(),
        "check_at": timing.first_check(context.config),
    }
    with transaction(context) as session:
        session.execute(insert(session, Subscription).values(values).on_conflict_do_nothing())
        row = plan_rows.find(session, key=key)
        if row is None:
            raise PlanRefused(TWO_AT_ONCE)
        if (row.price_id, row.quantity, row.sent_digest) != (price_id, quantity, wish.digest):
            raise _other_choice(wish.name or key)
        return row, Begun.of(row)


def _price_of(context: Context, owner: str, plan: Plan) -> PlanPrice:
    """The plan's price at Stripe, which is made there for the first who wants it. Commits."""
    try:
        return prices.ensure(context, plan)
    except GatewayUnavailable as error:
        with reading(context) as session:
            row = plan_rows.running(session, owner)
            may_be_paid = row is not None and (row.session_id or row.stripe_id or row.card_id)
        error.charges_nothing = not may_be_paid
        raise


def begun_before(context: Context, owner: str, wish: Wish) -> Subscription | None:
    """The plan that the wish has begun before, whatever has changed since. Commits.

    ``None`` also where Stripe's answer was lost: then it is asked again, under the same name.

    :raises KeyReused: The host's key, or a call's, has asked for something else.
    :raises PlanRefused: The form has asked for something else.
    """
    refuse_uncommitted(context)
    if wish.name is None:
        return None
    with reading(context) as session:
        row = plan_rows.find(session, key=key_of(owner, wish.name))
        if row is not None and row.sent_digest != wish.digest:
            raise _other_choice(wish.name)
        return row if row is not None and Begun.of(row).is_repeat else None


def page_before(context: Context, owner: str, wish: Wish) -> Page | None:
    """The page that the wish has opened before, while it can be paid and once it is. Commits.

    :raises KeyReused: The name of the wish has asked for something else.
    :raises PlanRefused: The page has expired, or the wish has opened none.
    """
    row = begun_before(context, owner, wish)
    if row is None:
        return None
    with reading(context):
        session_id = row.session_id
    return page_of(context, owner, session_id)


def page_of(context: Context, owner: str, session_id: str | None) -> Page:
    """
    :raises PlanRefused: It can't be paid any more, and was not.
    :raises TooManyAttempts: The owner has had Stripe asked very often within a minute.
    """
    context.gateway.ask_limit.require(owner)
    page = context.gateway.plan_pages.fetch(session_id) if session_id else None
    if page is None or page.status == "expired":
        raise PlanRefused("This form was sent already. Load the page again to see what came of it.")
    return page


def key_of(owner: str, wish_name: str | None) -> str:
    return wishes.key_of(owner, f"plan-{wish_name}" if wish_name else None)


def _other_choice(wish_name: str) -> PrepaidError:
    """Why a wish is refused whose name has asked for something else."""
    who, _colon, name = wish_name.partition(":")
    return KeyReused(name) if who in ("verb", "json") else PlanRefused(OTHER_CHOICE)


def check_quantity(plan: Plan, quantity: int) -> None:
    """Refuse a quantity that the plan is not sold in.

    :raises UnknownItem: It is out of bounds.
    """
    if not is_whole(quantity, 1, plan.max_quantity):
        words = _("This plan can be taken 1 to %(max)s times over.", max=plan.max_quantity)
        if plan.max_quantity == 1:
            words = _("This plan can be taken once at a time.")
        raise UnknownItem(words, field="quantity")


def _count_attempt(context: Context, owner: str) -> None:
    """Refuse what a card tester does, by the same limits as for packs."""
    card_testing.count_attempt(context, owner)
    lately = Subscription.created_at > context.clock() - timedelta(hours=1)
    begun = select(func.count()).where(Subscription.owner == owner, lately)
    limit = context.config.attempts_per_hour
    if limit and (context.session.scalar(begun) or 0) >= limit:
        raise TooManyAttempts("Too many plans were begun lately. Try again in an hour.", retry_after_s=3600)
