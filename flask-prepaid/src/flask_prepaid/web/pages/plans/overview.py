"""A customer's plan with its history, or the plans to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import request
from sqlalchemy import select

from prepaid_ledger.errors import PrepaidError

from ....catalog import Plan
from ....errors import AboveShown, GatewayRefused, GatewayUnavailable
from ....gateway.billing.invoice_values import StripeInvoice
from ....payments import tax_rates
from ....payments.customers.models import SavedCard
from ....purchases.saved_cards import cards_on_file
from ....subscriptions import currencies, plan_rows, plan_state, previews, prices
from ....subscriptions.beginning import trials
from ....subscriptions.invoices import giving, plan_lots
from ....subscriptions.models import ENDED, Invoice, PlanPrice, State, Subscription
from ... import as_shown, filters, forms, page
from . import owed

#: How many invoices the page shows.
SHOWN = 36

#: How long the page thanks for a plan that has begun: its address may be opened again later.
THANKED_FOR = timedelta(hours=1)

#: What a link of the page chooses, and the others keep.
CHOSEN_BY_LINKS = ("every", "currency", "saved_card")


def overview(
    owner: str,
    error: PrepaidError | None = None,
    *,
    may_ask: bool = True,
    above: AboveShown | None = None,
) -> str:
    """The page. Commits.

    :param above: What the first payment of the plan that the form chooses would be, which is shown now.
    :param may_ask: Whether Stripe may be asked for what is charged next, and for the card that did not pay.
    """
    context = page.context()
    session = context.session
    currency = currencies.of(context, owner, request.values.get("currency"))
    row = plan_rows.running(session, owner)
    asks_for = row if may_ask else None
    coming = next_bill(asks_for) if asks_for else None  # commits: what is read before may be gone after it
    resumes_for = resumption_minor(asks_for) if asks_for else None
    of_money = {**owed.of_owed(row, may_ask=may_ask), **of_payer(row)} if row else {}
    begins = row is not None and row.state in (State.REQUESTED, State.OPEN)
    terms = session.get_one(PlanPrice, row.price_id) if row else None
    planned = session.get(PlanPrice, row.next_price_id) if row and row.next_price_id else None
    mine = select(Subscription).where(Subscription.owner == owner, Subscription.state.in_(ENDED))
    saved = cards_on_file.saved(session, owner)
    last, bills = session.scalars(mine.order_by(Subscription.id.desc())).first(), last_bills(owner)
    return page.render(
        "plan.html",
        row=row,
        begins=begins,
        last=last,
        terms=terms,
        planned=planned,
        is_planned=lambda plan: planned is not None and prices.stands_for(planned, plan),
        bill=plan_state.period_bill(context, row) if row else None,
        charged_soon=plan_state.charged_soon(context, row) if row else None,
        next_bill=coming,
        resumes_for=resumes_for,
        may=lambda verb: row is not None and row.stripe_id is not None and plan_state.may(row, verb),
        ends_unrenewed=row is not None and plan_state.ends_unrenewed(row),
        is_over=row is not None and plan_state.is_over(context, row),
        has_just_begun=row is not None and has_just_begun(row),
        paid=owed.paid_by_try(owner),
        given_by_now=partial(plan_lots.given_by_now, session),
        over_on=over_on(row) if row else None,
        is_tried=bool(of_money.get("trying")) and error is None,
        **of_money,
        lasts_until=lasts_until,
        **on_sale(owner, currency, None if begins else terms),
        first_minor={request.form["plan"]: above.total_minor} if above else {},
        chosen_times=request.form.get("quantity"),
        balance=context.ledger.balance(owner),
        cards=saved,
        pays_with=pays_with(saved, last),
        kept={name: request.args.get(name) for name in CHOSEN_BY_LINKS},
        invoices=bills,
        to_come=plan_lots.to_come_of_each(session, [bill.id for bill in bills]),
        attempt=forms.new_attempt,
        error=error,
    )


def on_sale(owner: str, currency: str, terms: PlanPrice | None) -> dict[str, Any]:
    """The plans to choose from, and what this customer would pay and get.

    :param terms: What the customer's plan gives and costs, where one runs.
    """
    context = page.context()
    plans = plans_shown(currency, terms)
    return {
        "plans": plans,
        "currency": currency,
        "currencies": [] if currencies.bound_to(context.session, owner) else context.catalog.currencies,
        "intervals": intervals(),
        "shown_interval": shown_interval(),
        "saving": saving,
        "had_trial": trials.had_trial(context, owner),
        "had_once": giving.had_once(context, owner, {plan.slug for plan in plans if plan.once}),
        "as_shown": as_shown.listed,
        "tax_rate": tax_rates.last(context, owner),
        "with_tax": tax_rates.with_tax,
    }


def last_bills(owner: str) -> Sequence[Invoice]:
    """The invoices that the page shows, the last first."""
    bills = (
        select(Invoice)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .where(Subscription.owner == owner, Invoice.state != "draft")
        .where(plan_state.BILLS_SOMETHING)
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
    )
    return page.context().session.scalars(bills.limit(SHOWN)).all()


def has_just_begun(row: Subscription) -> bool:
    """Whether this is the address to which the beginning of a plan leads, and it began within the hour."""
    led_by = request.args.get("session_id") or request.args.get("begun")
    if led_by not in (row.session_id, str(row.id)) or led_by is None or row.period_start is None:
        return False
    return page.context().clock() - row.period_start < THANKED_FOR


def over_on(row: Subscription) -> datetime | None:
    """When the plan or its period ended, where we have not heard yet what follows; ``None`` while it runs."""
    return next((end for end in (row.cancel_at, row.period_end) if filters.is_past(end)), None)


def payer(row: Subscription) -> SavedCard | None:
    """The card on file that pays a plan; ``None`` where none does."""
    session = page.context().session
    card = session.get(SavedCard, plan_rows.payer_id(session, row) or "")
    return card if card is not None and card.owner == row.owner else None


def of_payer(row: Subscription) -> dict[str, Any]:
    """What is charged for the plan, and what becomes of a trial."""
    context = page.context()
    after_trial = plan_state.after_trial(context, row)
    return {
        "payer": payer(row),
        "has_payer": plan_rows.payer_id(context.session, row) is not None,
        "after_trial": after_trial,
        "needs_card": after_trial in plan_state.NEEDS_CARD,
    }


def pays_with(saved: list[SavedCard], last: Subscription | None) -> SavedCard | None:
    """The card on file that is to pay: the chosen one, or the first valid one. ``None`` is another card.

    :param last: The plan that ended last. A card that did not pay it is not offered first.
    """
    wanted, context = forms.chosen("saved_card"), page.context()
    if wanted is None:
        valid = cards_on_file.first_valid(saved, context.clock())
        unpaid = last is not None and last.end_reason == "payment_failed"
        refused = plan_rows.payer_id(context.session, last) if last is not None and unpaid else None
        return valid if valid is None or valid.id != refused else None
    return next((card for card in saved if card.id == wanted), None)


def intervals() -> list[str]:
    """The periods by which plans are sold, such as ``month`` and ``year``, in the order of the price list."""
    return list(dict.fromkeys(plan.interval for plan in page.context().catalog.plans.values()))


def shown_interval() -> str:
    """The period whose plans are shown: that of the form's plan, the one ``?every=`` names, or the first."""
    sold, chosen = intervals(), page.context().catalog.plans.get(request.form.get("plan", ""))
    wanted = chosen.interval if chosen else request.args.get("every", "")
    return wanted if wanted in sold else next(iter(sold), "")


def plans_shown(currency: str, terms: PlanPrice | None) -> list[Plan]:
    """The plans to choose from: those of one period; who has one changes to any but that.

    :param terms: What the customer's plan gives and costs, perhaps by an earlier price list.
    """
    plans = [plan.sold_in(currency) for plan in page.context().catalog.plans.values()]
    if terms is None:
        return [plan for plan in plans if plan.interval == shown_interval()]
    return [plan for plan in plans if plan.max_quantity > 1 or not prices.stands_for(terms, plan)]


def saving(plan: Plan) -> int:
    """How many months of a year's plan are free, beside the plan that gives the same credits by the month."""
    if plan.period != ("year", 1):
        return 0
    for other in page.context().catalog.plans.values():
        monthly = other.sold_in(plan.currency)
        same = (other.credits * 12, monthly.currency) == (plan.credits * plan.parts, plan.currency)
        if other.period == ("month", 1) and same:
            return max(12 * monthly.amount_minor - plan.amount_minor, 0) // monthly.amount_minor
    return 0


def next_bill(row: Subscription) -> StripeInvoice | None:
    """The next charge, exactly; ``None`` also while Stripe does not answer."""
    try:
        return previews.next_bill(page.context(), row)
    except (GatewayUnavailable, GatewayRefused):
        return None


def resumption_minor(row: Subscription) -> int | None:
    """What it costs to resume a paused plan in a new period; ``None`` also while Stripe does not answer."""
    try:
        return previews.resumption_minor(page.context(), row)
    except (GatewayUnavailable, GatewayRefused):
        return None


def lasts_until(row: Subscription) -> datetime | None:
    """When the credits of the period that is paid lapse."""
    return row.period_end + page.context().config.allowance_grace if row.period_end else None
