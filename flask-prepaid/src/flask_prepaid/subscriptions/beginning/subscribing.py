"""Subscribe: on Stripe's page or with a card on file, and come back from there."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from ...catalog import Plan
from ...context import Context, reading, refuse_uncommitted, transaction, write_now
from ...errors import GatewayRefused, GatewayUnavailable, NotYours, PlanRefused, UnknownItem
from ...gateway.billing.subscription_values import Page
from ...gateway.payments.checkout import WaysBack
from ...gateway.values import is_session_id
from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked
from ...payments.customers import billing_details
from ...payments.customers.making import with_customer
from ...payments.customers.owned import card_on_file
from ...payments.customers.rows import known_customer
from ...payments.wishes import NAMELESS, Wish
from .. import plan_rows, prices, sync
from ..models import PlanPrice, State, Subscription
from .beginnings import TWO_AT_ONCE, PlanChoice, begin, begun_before, page_of
from .unanswered import give_up

CARD_GONE = marked("That card is not on file any more. Choose another one.")


def terms(context: Context, row: Subscription) -> PlanPrice:
    """What the subscription gives and costs now."""
    return context.session.get_one(PlanPrice, row.price_id)


def open_page(
    context: Context,
    owner: str,
    choice: PlanChoice,
    *,
    ways_back: WaysBack,
    wish: Wish = NAMELESS,
) -> Page:
    """Ask Stripe for a page where ``owner`` can subscribe to the plan that is chosen. Commits.

    :param choice: With a trial that was promised, it is refused where there is none for them.
    :param wish: Sent again, it finds its page; ask ``page_before`` first, which has no guard.
    :raises KeyReused: The name of the wish has asked for something else.
    :raises PlanRefused: The owner has a plan, or has had a trial that was promised again.
    :raises TooManyAttempts: The owner has begun too many lately.
    :raises BuyingPaused: Nothing is sold at the moment.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.
    """
    row, begun = begin(context, owner, choice, wish)
    if begun.is_repeat:  # by another request of the same wish, meanwhile
        return page_of(context, owner, begun.session_id)
    with reading(context) as session:
        billed_to = billing_details.details_of(session, owner)
    ask = partial(
        context.gateway.plan_pages.open,
        begun.new,
        needs_card=choice.plan.trial_needs_card or not begun.new.trial_days,
        about=_about(choice.plan, choice.quantity),
        ways_back=ways_back,
        billed_to=billed_to,
    )
    try:
        with prices.sold_at_stripe():
            page = with_customer(context, owner, lambda customer_id: ask(customer_id=customer_id))
    except (GatewayRefused, PlanRefused):
        with transaction(context):
            give_up(context, row)
        raise
    with transaction(context):
        sync.apply_page(context, row, page)
        is_put_away = row.state is State.EXPIRED
    if is_put_away:  # by another request while Stripe opened the page, which no customer has seen
        with suppress(GatewayRefused):  # a second press of the same button has closed it
            context.gateway.plan_pages.close(page.id)
        raise PlanRefused(TWO_AT_ONCE)
    return page


def _about(plan: Plan, quantity: int) -> str:
    """What a plan gives and how long it runs, for its buyer to read beside the price."""
    is_monthly = plan.parts > 1  # paid by the year, for credits of each month
    every = formats.every("month", 1) if is_monthly else formats.every(plan.interval, plan.interval_count)
    credits = formats.credits(plan.credits * quantity)
    return _("%(credits)s %(every)s, until you cancel.", credits=credits, every=every)


def subscribe(
    context: Context,
    owner: str,
    choice: PlanChoice,
    card_id: str,
    *,
    wish: Wish = NAMELESS,
) -> Subscription:
    """Subscribe with a card on file, in one press; the subscription as far as it is known. Commits.

    Where the bank says no or wants its customer, it is ``incomplete`` and its invoice can be paid.

    :raises KeyReused: The name of the wish has asked for something else.
    :raises PlanRefused: The owner has a plan, or has had a trial that was promised again.
    :raises AboveShown: The first payment is of more than was shown.
    :raises UnknownItem: The card is not on file, or tax is added and the owner's country is not known.
    """
    earlier = begun_before(context, owner, wish)
    if earlier is not None:
        return earlier
    check_card(context, owner, card_id)
    billing_details.require_address(context, owner)
    row, begun = begin(context, owner, choice, wish, card_id=card_id)
    if begun.is_repeat:
        return row
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is None:  # the account was closed meanwhile
        with transaction(context):
            give_up(context, row)
        raise UnknownItem(CARD_GONE, field="saved_card")
    try:
        with prices.sold_at_stripe():
            subscription = context.gateway.subscriptions.create(
                begun.new, customer_id=customer_id, card_id=card_id
            )
    except (GatewayRefused, PlanRefused):
        with transaction(context):
            give_up(context, row)
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


def come_back(context: Context, owner: str, session_id: str) -> Subscription:
    """The subscription that the browser comes back from, settled as far as it can be known. Commits.

    :raises NotYours: There is no such page, or it is another owner's.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        row = plan_rows.find(session, session_id=session_id) if is_session_id(session_id) else None
        if row is None or row.owner != owner:
            raise NotYours("There is no such subscription.")
    with suppress(GatewayUnavailable):
        write_now(context, sync.sync_page(context, session_id))
    return row
