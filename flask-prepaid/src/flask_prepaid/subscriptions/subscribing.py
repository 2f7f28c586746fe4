"""Subscribe: on Stripe's page or with a card on file. One plan for each owner, one trial for ever."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import func, or_, select

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from .. import signals
from ..catalog import Plan
from ..context import Context, own_session
from ..errors import GatewayRefused, GatewayUnavailable, NotYours, PlanRefused, TooManyAttempts, UnknownItem
from ..gateway import subscriptions
from ..gateway.subscription_values import Page
from ..payments import card_testing, payments
from ..payments.customers import card_on_file, known_customer, with_customer
from . import prices, sync, trial_cards
from .models import BEGINNING, PlanPrice, State, Subscription

#: How long a request may be on its way to Stripe, with all its repeats.
IN_FLIGHT = timedelta(minutes=5)

#: A renewal that nobody has told us of is asked for so long after the period's end.
OVERDUE_AFTER = timedelta(hours=2)

#: How often what was begun before is looked at anew, while it changes under our hands.
CLOSING_TRIES = 3

SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,200}")

TWO_AT_ONCE = "Another page of yours has just begun a plan. Load this page again."
ONE_PLAN = "You have a plan already. Change it on this page; a second one is not needed."


def had_trial(context: Context, owner: str) -> bool:
    """Whether the owner, or a card of theirs, has ever had a trial of whichever plan; or may have none."""
    if not context.may_try(owner):
        return True
    session = context.session
    tried = select(Subscription.id).where(Subscription.owner == owner, Subscription.trial_end.is_not(None))
    return session.scalar(tried.limit(1)) is not None or trial_cards.on_file(context, owner)


def open_page(
    context: Context,
    owner: str,
    plan: Plan,
    *,
    quantity: int = 1,
    trial_promised: bool = False,
    success_url: str,
    cancel_url: str | None,
    attempt: str | None = None,
) -> Page:
    """Ask Stripe for a page where ``owner`` can subscribe to ``plan``. Commits.

    :param trial_promised: The customer was told of a trial. It is refused where there is none for them.
    :param success_url: Where the browser comes back. Stripe puts the session id in place of
        ``{CHECKOUT_SESSION_ID}``.
    :param cancel_url: ``None`` is for a page of our own with Stripe's elements on it.
    :param attempt: A token of the form that was sent. The same one finds the same page.
    :raises PlanRefused: The owner has a plan, or has had a trial that was promised again.
    :raises TooManyAttempts: The owner has begun too many lately.
    :raises BuyingPaused: Nothing is sold at the moment.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.
    """
    row = _begin(context, owner, plan, quantity, trial_promised, attempt)
    was_sent = row.session_id is not None or row.state is not State.REQUESTED
    if was_sent:
        earlier = subscriptions.fetch_page(context.gateway, row.session_id) if row.session_id else None
        if earlier is not None and earlier.status == "open":
            return earlier
        raise PlanRefused("This form was sent already. Load the page again to see what came of it.")
    key, price_id, trial_days = row.idempotency_key, row.price_id, row.trial_days
    context.session.commit()
    try:
        page = with_customer(
            context,
            owner,
            lambda customer_id: subscriptions.open_page(
                context.gateway,
                key=key,
                customer_id=customer_id,
                price_id=price_id,
                quantity=quantity,
                trial_days=trial_days,
                needs_card=plan.trial_needs_card or not trial_days,
                success_url=success_url,
                cancel_url=cancel_url,
            ),
        )
    except GatewayRefused:
        _give_up(context, row)
        raise
    sync.follow_page(context, row, page)
    context.session.commit()
    if row.state is State.EXPIRED:  # put away while it was opened: nobody has seen it, and nobody shall
        with suppress(GatewayRefused):  # a second press of the same button has closed it
            subscriptions.close_page(context.gateway, page.id)
        raise PlanRefused(TWO_AT_ONCE)
    return page


def subscribe(
    context: Context,
    owner: str,
    plan: Plan,
    card_id: str,
    *,
    quantity: int = 1,
    trial_promised: bool = False,
    attempt: str | None = None,
) -> Subscription:
    """Subscribe with a card on file, in one press; the subscription as far as it is known. Commits.

    Where the bank says no or wants its customer, it is ``incomplete`` and its invoice can be paid.

    :raises PlanRefused: As ``open_page``.
    :raises UnknownItem: The card is not on file.
    """
    check_card(context, owner, card_id)
    row = _begin(context, owner, plan, quantity, trial_promised, attempt, card_id)
    if row.state is not State.REQUESTED:
        return row
    customer_id = known_customer(context.session, owner)
    assert customer_id is not None, "a saved card has a customer"
    key, price_id, trial_days = row.idempotency_key, row.price_id, row.trial_days
    context.session.commit()
    try:
        made = subscriptions.subscribe(
            context.gateway,
            key=key,
            customer_id=customer_id,
            price_id=price_id,
            quantity=quantity,
            trial_days=trial_days,
            card_id=card_id,
        )
    except GatewayRefused:
        _give_up(context, row)
        raise
    sync.follow(context, made.id)
    signals.commit(context.session)
    return row


def check_card(context: Context, owner: str, card_id: str) -> None:
    """
    :raises UnknownItem: The owner has no such card on file.
    """
    if card_on_file(own_session(context), owner, card_id) is None:
        raise UnknownItem("That card is not on file any more. Choose another one.", field="saved_card")


def _begin(
    context: Context,
    owner: str,
    plan: Plan,
    quantity: int,
    trial_promised: bool,
    attempt: str | None,
    card_id: str | None = None,
) -> Subscription:
    """The committed row of what is about to be asked of Stripe; what was begun before it is put away.

    Of two at once, the second finds the first one's row: the database lets one of them stand.
    """
    session = own_session(context)
    _make_sure(context, owner)
    session.commit()
    if not 1 <= quantity <= plan.most:
        raise UnknownItem(f"This plan can be taken 1 to {plan.most} times over.", field="quantity")
    trial = plan.trial_days if not had_trial(context, owner) else 0
    if trial_promised and not trial:
        raise PlanRefused(
            "You have had your free trial, or a card of yours has begun one. You can subscribe without."
        )
    price = prices.ensure(context, plan)
    key = payments.attempt_key(owner, f"plan-{attempt}" if attempt else None)
    _put_away(context, owner, key)
    values = {
        "owner": owner,
        "state": State.REQUESTED,
        "price_id": price.id,
        "quantity": quantity,
        "trial_days": trial,
        "trial_credits": plan.trial_credits * quantity if trial else 0,
        "idempotency_key": key,
        "card_id": card_id,
        "created_at": context.clock(),
        "look_at": clock.wall() + context.config.look_after,
    }
    session.execute(insert(session, Subscription).values(values).on_conflict_do_nothing())
    session.commit()
    row = sync.find(session, key=key)
    if row is None:
        raise PlanRefused(TWO_AT_ONCE)
    if (row.price_id, row.quantity) != (price.id, quantity):
        raise PlanRefused("This form was already sent with another choice. Load the page again.")
    return row


def _make_sure(context: Context, owner: str) -> None:
    """Refuse what a card tester does, by the same limits as for packs."""
    card_testing.make_sure(context, owner)
    lately = Subscription.created_at > context.clock() - timedelta(hours=1)
    begun = select(func.count()).where(Subscription.owner == owner, lately)
    limit = context.config.attempts_per_hour
    if limit and (context.session.scalar(begun) or 0) >= limit:
        raise TooManyAttempts("Too many plans were begun lately. Try again in an hour.")


def _put_away(context: Context, owner: str, key: str) -> None:
    """Close what the owner has begun and not paid, so that it can never be paid beside the new one.

    What begins meanwhile is met by the INSERT that follows.

    :raises PlanRefused: The owner has a plan.
    """
    session = context.session
    for _ in range(CLOSING_TRIES):
        row = sync.running(session, owner)
        if row is None or row.idempotency_key == key:
            session.commit()
            return
        if row.state not in BEGINNING:
            raise PlanRefused(ONE_PLAN)
        look_up(context, row.id)
        session.refresh(row)
        if row.state in BEGINNING:
            _close(context, row)


def _close(context: Context, row: Subscription) -> None:
    """End what has begun, at Stripe first; what was paid by now, or has a page by now, is left. Commits.

    :raises PlanRefused: A bank is being asked.
    """
    if row.state is State.REQUESTED and row.card_id and context.clock() - row.created_at <= IN_FLIGHT:
        raise PlanRefused("Your last choice is still on its way to your bank. Try again in a few minutes.")
    session_id, stripe_id = row.session_id, row.stripe_id
    context.session.commit()
    try:
        if stripe_id is not None:
            subscriptions.cancel_now(context.gateway, stripe_id)
        elif session_id is not None:
            subscriptions.close_page(context.gateway, session_id)
    except GatewayRefused:  # it was paid, or has ended, in this moment: the next look tells
        return
    if stripe_id is not None:
        sync.follow(context, stripe_id)
        signals.commit(context.session)
    else:
        _give_up(context, row, closed=session_id)


def _give_up(context: Context, row: Subscription, *, closed: str | None = None) -> None:
    """Nothing came of it at Stripe, and nothing can any more. Commits.

    :param closed: Its page, which was closed. If it has another one by now, that is open, and the row stays.
    """
    sync.lock(context.session, row)
    if row.state in (State.REQUESTED, State.OPEN) and row.session_id == closed:
        row.state, row.look_at = State.EXPIRED, None
        row.page_closed_at = context.clock() if closed else None
    context.session.commit()


def come_back(context: Context, owner: str, session_id: str) -> Subscription:
    """The subscription that the browser comes back from, settled as far as it can be known. Commits.

    :raises NotYours: There is no such page, or it is another owner's.
    """
    session = own_session(context)
    row = sync.find(session, session_id=session_id) if SESSION_ID.fullmatch(session_id) else None
    if row is None or row.owner != owner:
        raise NotYours("There is no such subscription.")
    session.commit()
    try:
        sync.settle_page(context, session_id)
        signals.commit(session)
    except GatewayUnavailable:
        signals.rollback(session)
    return row


def due(context: Context, *, limit: int = 100) -> list[int]:
    """The subscriptions that it is time to ask Stripe about: begun, or renewed without a word of it.

    What waits for an answer is due by the wall clock, a renewal by Stripe's time.
    """
    renewing = Subscription.state.in_((State.TRIALING, State.ACTIVE, State.PAST_DUE))
    overdue = Subscription.period_end < context.clock() - OVERDUE_AFTER
    first = Subscription.look_at.is_(None) & renewing & overdue
    wanted = select(Subscription.id).where(or_(Subscription.look_at <= clock.wall(), first))
    return list(context.session.scalars(wanted.order_by(Subscription.id).limit(limit)))


def look_up(context: Context, subscription_id: int) -> None:
    """Ask Stripe what came of a subscription that nobody has told us about, and follow it. Commits."""
    session = own_session(context)
    row = session.get_one(Subscription, subscription_id)
    wait = min(context.config.look_after * 2 ** min(row.looks + 1, 12), timedelta(hours=1))
    row.looks, row.look_at = row.looks + 1, clock.wall() + wait
    stripe_id, session_id, key = row.stripe_id, row.session_id, row.idempotency_key
    customer_id, age = known_customer(session, row.owner), context.clock() - row.created_at
    session.commit()
    found = _find(context, stripe_id, session_id, customer_id, key)
    if isinstance(found, str):
        sync.follow(context, found)
    elif found is not None:
        sync.follow_page(context, row, found)
    elif age > IN_FLIGHT:
        _give_up(context, row)
    signals.commit(session)


def _find(
    context: Context, stripe_id: str | None, session_id: str | None, customer_id: str | None, key: str
) -> str | Page | None:
    """What Stripe has of a subscription: its id, or the page on which it may begin."""
    if stripe_id is not None:
        return stripe_id
    page = subscriptions.fetch_page(context.gateway, session_id) if session_id else None
    if page is None and customer_id is not None:
        page = subscriptions.find_page(context.gateway, customer_id, key)
    if page is not None:
        return page.subscription_id or page
    made = subscriptions.find(context.gateway, customer_id, key) if customer_id else None
    return made.id if made else None


def terms(context: Context, row: Subscription) -> PlanPrice:
    """What the subscription gives and costs now."""
    return context.session.get_one(PlanPrice, row.price_id)
