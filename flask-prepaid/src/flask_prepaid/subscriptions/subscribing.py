"""Subscribe: on Stripe's page or with a card on file. One plan for each owner, one trial for ever."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Self

from sqlalchemy import func, or_, select

from prepaid_ledger import clock, is_whole
from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused, PrepaidError

from ..catalog import Plan
from ..context import Context, Write, reading, refuse_uncommitted, transaction, write_now
from ..errors import GatewayRefused, GatewayUnavailable, NotYours, PlanRefused, TooManyAttempts, UnknownItem
from ..gateway.billing.subscription_values import Page
from ..gateway.values import is_session_id
from ..languages.words import gettext as _
from ..languages.words import marked
from ..payments import card_testing, timing, wishes
from ..payments.customers import billing_details
from ..payments.customers.making import with_customer
from ..payments.customers.owned import card_on_file
from ..payments.customers.rows import known_customer
from . import prices, sync, trial_cards
from .locking import lock
from .models import BEGINNING, PlanPrice, State, Subscription

#: A renewal that no event has told of is asked for so long after the period's end.
OVERDUE_AFTER = timedelta(hours=2)

#: How often what was begun before is fetched anew, while it changes under our hands.
CLOSING_TRIES = 3

OTHER_CHOICE = marked("This was already asked for with another choice. Load the page again.")
TWO_AT_ONCE = marked("Another page of yours has just begun a plan. Load this page again.")
CARD_GONE = marked("That card is not on file any more. Choose another one.")
ONE_PLAN = marked("You have a plan already. Change it on this page; a second one is not needed.")


def terms(context: Context, row: Subscription) -> PlanPrice:
    """What the subscription gives and costs now."""
    return context.session.get_one(PlanPrice, row.price_id)


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
    sent_digest: str | None = None,
) -> Page:
    """Ask Stripe for a page where ``owner`` can subscribe to ``plan``. Commits.

    :param trial_promised: The page has promised a trial. It is refused where there is none for them.
    :param success_url: Where the browser comes back. Stripe puts the session id in place of
        ``{CHECKOUT_SESSION_ID}``.
    :param cancel_url: ``None`` is for a page of our own with Stripe's elements on it.
    :param attempt: A token of the form that was sent. The same one finds the same page; ask ``page_before``
        first, which has no guard.
    :param sent_digest: The digest of what was sent with it, by which another wish is refused.
    :raises KeyReused: The attempt has asked for something else.
    :raises PlanRefused: The owner has a plan, or has had a trial that was promised again.
    :raises TooManyAttempts: The owner has begun too many lately.
    :raises BuyingPaused: Nothing is sold at the moment.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.
    """
    row, begun = _begin(
        context,
        owner,
        plan,
        quantity=quantity,
        trial_promised=trial_promised,
        attempt=attempt,
        sent_digest=sent_digest,
    )
    if begun.is_repeat:  # by another request of the same attempt, meanwhile
        return _page_of(context, owner, begun.session_id)
    with reading(context) as session:
        billed_to = billing_details.details_of(session, owner)
    ask = partial(
        context.gateway.plan_pages.open,
        **begun.agreed,
        billed_to=billed_to,
        needs_card=plan.trial_needs_card or not begun.agreed["trial_days"],
        success_url=success_url,
        cancel_url=cancel_url,
    )
    try:
        with prices.sold_at_stripe():
            page = with_customer(context, owner, lambda customer_id: ask(customer_id=customer_id))
    except (GatewayRefused, PlanRefused):
        with transaction(context):
            _give_up(context, row)
        raise
    with transaction(context):
        sync.apply_page(context, row, page)
        is_put_away = row.state is State.EXPIRED
    if is_put_away:  # by another request while Stripe opened the page, which no customer has seen
        with suppress(GatewayRefused):  # a second press of the same button has closed it
            context.gateway.plan_pages.close(page.id)
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
    sent_digest: str | None = None,
) -> Subscription:
    """Subscribe with a card on file, in one press; the subscription as far as it is known. Commits.

    Where the bank says no or wants its customer, it is ``incomplete`` and its invoice can be paid.

    :raises KeyReused: The attempt has asked for something else.
    :raises PlanRefused: The owner has a plan, or has had a trial that was promised again.
    :raises UnknownItem: The card is not on file, or tax is added and the owner's country is not known.
    """
    earlier = begun_before(context, owner, attempt, sent_digest)
    if earlier is not None:
        return earlier
    check_card(context, owner, card_id)
    billing_details.require_address(context, owner)
    row, begun = _begin(
        context,
        owner,
        plan,
        quantity=quantity,
        trial_promised=trial_promised,
        attempt=attempt,
        sent_digest=sent_digest,
        card_id=card_id,
    )
    if begun.is_repeat:
        return row
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is None:  # the account was closed meanwhile
        with transaction(context):
            _give_up(context, row)
        raise UnknownItem(CARD_GONE, field="saved_card")
    try:
        with prices.sold_at_stripe():
            subscription = context.gateway.subscriptions.create(
                **begun.agreed, customer_id=customer_id, card_id=card_id
            )
    except (GatewayRefused, PlanRefused):
        with transaction(context):
            _give_up(context, row)
        raise
    write_now(context, sync.sync(context, subscription.id))
    return row


def check_card(context: Context, owner: str, card_id: str) -> None:
    """Refuse a card that is not on file. Commits.

    :raises UnknownItem: The owner has no such card.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        if card_on_file(session, owner, card_id) is None:
            raise UnknownItem(CARD_GONE, field="saved_card")


@dataclass(frozen=True)
class _Begun:
    """What was written down, as it was committed: ``agreed`` is what Stripe is asked for."""

    agreed: dict[str, Any]
    session_id: str | None
    is_repeat: bool

    @classmethod
    def of(cls, row: Subscription) -> Self:
        agreed = {
            "key": row.idempotency_key,
            "price_id": row.price_id,
            "quantity": row.quantity,
            "trial_days": row.trial_days,
        }
        is_repeat = row.session_id is not None or row.state is not State.REQUESTED
        return cls(agreed, row.session_id, is_repeat)


def _begin(
    context: Context,
    owner: str,
    plan: Plan,
    *,
    quantity: int,
    trial_promised: bool,
    attempt: str | None,
    sent_digest: str | None,
    card_id: str | None = None,
) -> tuple[Subscription, _Begun]:
    """The row of what is about to be asked of Stripe; what was begun before it is put away. Commits.

    Of two at once, the second finds the first one's row: the database lets one of them stand.
    """
    earlier = begun_before(context, owner, attempt, sent_digest)
    if earlier is not None:
        with reading(context):
            return earlier, _Begun.of(earlier)
    with transaction(context):
        _count_attempt(context, owner)
    check_quantity(plan, quantity)
    trial_days = _trial_days(context, owner, plan, promised=trial_promised)
    price_id = prices.ensure(context, plan).id
    key = _key_of(owner, attempt)
    _put_away(context, owner, key)
    values = {
        "owner": owner,
        "state": State.REQUESTED,
        "price_id": price_id,
        "quantity": quantity,
        "trial_days": trial_days,
        "trial_credits": plan.trial_credits * quantity if trial_days else 0,
        "idempotency_key": key,
        "sent_digest": sent_digest,
        "card_id": card_id,
        "created_at": context.clock(),
        "check_at": timing.first_check(context.config),
    }
    with transaction(context) as session:
        session.execute(insert(session, Subscription).values(values).on_conflict_do_nothing())
        row = sync.find(session, key=key)
        if row is None:
            raise PlanRefused(TWO_AT_ONCE)
        if (row.price_id, row.quantity, row.sent_digest) != (price_id, quantity, sent_digest):
            raise _other_choice(attempt or key)
        return row, _Begun.of(row)


def begun_before(
    context: Context, owner: str, attempt: str | None, sent_digest: str | None
) -> Subscription | None:
    """The plan that the attempt has begun before, whatever has changed since. Commits.

    ``None`` also where Stripe's answer was lost: then it is asked again, under the same name.

    :raises KeyReused: The attempt has asked for something else.
    :raises PlanRefused: The same, of a form.
    """
    refuse_uncommitted(context)
    if attempt is None:
        return None
    with reading(context) as session:
        row = sync.find(session, key=_key_of(owner, attempt))
        if row is not None and row.sent_digest != sent_digest:
            raise _other_choice(attempt)
        return row if row is not None and _Begun.of(row).is_repeat else None


def page_before(context: Context, owner: str, attempt: str | None, sent_digest: str | None) -> Page | None:
    """The page that the attempt has opened before, while it can be paid and once it is. Commits.

    :raises KeyReused: The attempt has asked for something else.
    :raises PlanRefused: The page has expired, or the attempt has opened none.
    """
    row = begun_before(context, owner, attempt, sent_digest)
    if row is None:
        return None
    with reading(context):
        session_id = row.session_id
    return _page_of(context, owner, session_id)


def _page_of(context: Context, owner: str, session_id: str | None) -> Page:
    """
    :raises PlanRefused: It can't be paid any more, and was not.
    :raises TooManyAttempts: The owner has had Stripe asked very often within a minute.
    """
    context.gateway.ask_limit.require(owner)
    page = context.gateway.plan_pages.fetch(session_id) if session_id else None
    if page is None or page.status == "expired":
        raise PlanRefused("This form was sent already. Load the page again to see what came of it.")
    return page


def _key_of(owner: str, attempt: str | None) -> str:
    return wishes.key_of(owner, f"plan-{attempt}" if attempt else None)


def _other_choice(attempt: str) -> PrepaidError:
    """Why an attempt is refused that has asked for something else."""
    who, _colon, name = attempt.partition(":")
    return KeyReused(name) if who in ("verb", "json") else PlanRefused(OTHER_CHOICE)


def _trial_days(context: Context, owner: str, plan: Plan, *, promised: bool) -> int:
    """How many days of a trial the owner gets.

    :raises PlanRefused: A trial was promised, and there is none for them.
    """
    days = plan.trial_days if not had_trial(context, owner) else 0
    if promised and not plan.trial_days:
        raise PlanRefused("This plan has no free trial. You can subscribe without.")
    if promised and not days:
        raise PlanRefused(
            "You have had your free trial, or a card of yours has begun one. You can subscribe without."
        )
    return days


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


def _put_away(context: Context, owner: str, key: str) -> None:
    """Close what the owner has begun and not paid, so that it can never be paid beside the new one. Commits.

    What begins meanwhile is met by the INSERT that follows.

    :raises PlanRefused: The owner has a plan.
    """
    for _try in range(CLOSING_TRIES):
        with reading(context) as session:
            row = sync.running(session, owner)
            if row is None or row.idempotency_key == key:
                return
            if row.state not in BEGINNING:
                raise PlanRefused(ONE_PLAN)
            row_id = row.id
        check_with_stripe(context, row_id)
        _close(context, row)


def _close(context: Context, row: Subscription) -> None:
    """End what has begun, at Stripe first; what was paid by now, or has a page by now, is left. Commits.

    :raises PlanRefused: A bank is being asked.
    """
    with reading(context) as session:
        session.refresh(row)
        if row.state not in BEGINNING:
            return
        age = context.clock() - row.created_at
        if row.state is State.REQUESTED and row.card_id and age <= timing.IN_FLIGHT:
            raise PlanRefused(
                "Your last choice is still on its way to your bank. Try again in a few minutes."
            )
        session_id, stripe_id = row.session_id, row.stripe_id
    try:
        if stripe_id is not None:
            context.gateway.subscriptions.cancel_now(stripe_id)
        elif session_id is not None:
            context.gateway.plan_pages.close(session_id)
    except GatewayRefused:  # it was paid, or has ended, in this moment: the next check tells
        return
    if stripe_id is not None:
        write_now(context, sync.sync(context, stripe_id))
    else:
        with transaction(context):
            _give_up(context, row, closed=session_id)


def _give_up(context: Context, row: Subscription, *, closed: str | None = None) -> None:
    """Nothing came of it at Stripe, and nothing can any more.

    :param closed: Its page, which was closed. If it has another one by now, that is open, and the row stays.
    """
    lock(context.session, row.id)
    if row.state in (State.REQUESTED, State.OPEN) and row.session_id == closed:
        row.state, row.check_at = State.EXPIRED, None
        row.page_closed_at = context.clock() if closed else None


def come_back(context: Context, owner: str, session_id: str) -> Subscription:
    """The subscription that the browser comes back from, settled as far as it can be known. Commits.

    :raises NotYours: There is no such page, or it is another owner's.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        row = sync.find(session, session_id=session_id) if is_session_id(session_id) else None
        if row is None or row.owner != owner:
            raise NotYours("There is no such subscription.")
    with suppress(GatewayUnavailable):
        write_now(context, sync.sync_page(context, session_id))
    return row


def due(context: Context, *, limit: int = 100) -> list[int]:
    """The subscriptions that it is time to ask Stripe about: begun, or renewed without a word of it.

    What waits for an answer is due by the wall clock, a renewal by Stripe's time.
    """
    renewing = Subscription.state.in_((State.TRIALING, State.ACTIVE, State.PAST_DUE))
    overdue = Subscription.period_end < context.clock() - OVERDUE_AFTER
    first = Subscription.check_at.is_(None) & renewing & overdue
    wanted = select(Subscription.id).where(or_(Subscription.check_at <= clock.wall(), first))
    return list(context.session.scalars(wanted.order_by(Subscription.id).limit(limit)))


def check_with_stripe(context: Context, subscription_id: int) -> None:
    """Ask Stripe what came of a subscription that no event has told of, and write it down. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = session.get_one(Subscription, subscription_id)
        row.check_at = timing.next_check(context.config, row.checks)
        row.checks += 1
        stripe_id, session_id, key = row.stripe_id, row.session_id, row.idempotency_key
        customer_id, age = known_customer(session, row.owner), context.clock() - row.created_at
    write = _find(context, row, stripe_id, session_id, customer_id, key)
    with transaction(context):
        if write is not None:
            write()
        elif age > timing.IN_FLIGHT:
            _give_up(context, row)


def _find(
    context: Context,
    row: Subscription,
    stripe_id: str | None,
    session_id: str | None,
    customer_id: str | None,
    key: str,
) -> Write[object] | None:
    """Fetch a subscription, or the page on which it may begin; what is returned writes it. Commits."""
    if stripe_id is not None:
        return sync.sync(context, stripe_id)
    page = context.gateway.plan_pages.fetch(session_id) if session_id else None
    if page is None and customer_id is not None:
        page = context.gateway.plan_pages.find(customer_id, key)
    if page is not None and page.subscription_id is None:
        return partial(sync.apply_page, context, row, page)
    if page is not None and page.subscription_id is not None:
        return sync.sync(context, page.subscription_id)
    subscription = context.gateway.subscriptions.find(customer_id, key) if customer_id else None
    return sync.sync(context, subscription.id) if subscription is not None else None
