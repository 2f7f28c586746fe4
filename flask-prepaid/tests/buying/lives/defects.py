"""Mistakes that one could make where two features meet: each swaps one function of the product for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from flask_prepaid.operations import reconcile
from flask_prepaid.payments import models as payment_tables
from flask_prepaid.payments.dispute_states import DisputeState
from flask_prepaid.payments.outcome import applying, comparison
from flask_prepaid.purchases import payment_checks, stop_reasons
from flask_prepaid.purchases.auto_topup import topup_ceiling, topup_rules, topups
from flask_prepaid.purchases.money_back import credit_notes, host_refunds, refund_sync, taking_back
from flask_prepaid.purchases.money_back.disputes import dispute_sync
from flask_prepaid.purchases.money_back.twice.gone_twice import GoneTwice
from flask_prepaid.subscriptions.invoices import invoice_credits
from flask_prepaid.subscriptions.models import Invoice
from prepaid_ledger.books import allowances, expiry
from prepaid_ledger.books.reversals import clawbacks, shares
from prepaid_ledger.books.wallets import posting
from prepaid_ledger.tables import Kind
from prepaid_ledger.verbs.incoming import Incoming

#: What is swapped, by which name, and for what: made of what was there before.
Swap = tuple[Any, str, Callable[[Any], Any]]

DEFECTS: dict[str, tuple[Swap, ...]] = {}

#: What lives are about that come upon a mistake soon.
SHOWN_BY: dict[str, str] = {}


def defect(where: Any, name: str, theme: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Names a mistake by the function that makes it of what was there.

    :param theme: What lives are about in which it shows.
    """

    def named(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        DEFECTS[make.__name__] = (*DEFECTS.get(make.__name__, ()), (where, name, make))
        SHOWN_BY[make.__name__] = theme
        return make

    return named


@contextmanager
def seeded(name: str | None) -> Iterator[None]:
    """The product with this mistake in it, until the end of the block; with none, the product."""
    swaps = DEFECTS[name] if name is not None else ()
    before = [(where, attribute, getattr(where, attribute)) for where, attribute, _ in swaps]
    try:
        for where, attribute, make in swaps:
            setattr(where, attribute, make(getattr(where, attribute)))
        yield
    finally:
        for where, attribute, was in before:
            setattr(where, attribute, was)


@defect(shares.Share, "feed", "packs")
def a_lapse_is_read_as_spent(feed: Any) -> Any:
    def forgets_what_went(share: Any, move: Any) -> None:
        if not isinstance(move, shares.Gone):
            feed(share, move)

    return forgets_what_went


@defect(shares.Share, "feed", "refunds in parts")
def each_refund_is_rounded_up_by_itself(feed: Any) -> Any:
    def alone(share: Any, move: Any) -> None:
        if isinstance(move, shares.Gone) or move.refunded_minor is None:
            feed(share, move)
        else:
            share.for_money += shares.credits_of_refund(share.credits, share.paid_minor, move.refunded_minor)

    return alone


@defect(invoice_credits, "_settle", "plans")
def a_free_month_gives_nothing(settle: Any) -> Any:
    def only_what_was_paid(context: Any, subscription: Any, row: Any, bill: Any, prices: Any) -> None:
        if bill.total_minor:
            settle(context, subscription, row, bill, prices)

    return only_what_was_paid


@defect(invoice_credits, "_payment", "plans")
def what_a_balance_paid_counts_as_charged(payment: Any) -> Any:
    def charged(context: Any, subscription: Any, row: Any, bill: Any, credits: int) -> Any:
        made = payment(context, subscription, row, bill, credits)
        made.charged_minor = bill.total_minor
        return made

    return charged


@defect(Incoming, "allowance", "plans")
def a_months_credits_end_with_the_month(allowance: Any) -> Any:
    return lambda *args, **terms: allowance(*args, **{**terms, "grace": timedelta(0)})


@defect(allowances, "_supersede", "plans")
def nothing_rolls_over(supersede: Any) -> Any:
    return lambda store, lot, moved_up, expires_at, **how: supersede(store, lot, 0, expires_at, **how)


@defect(allowances, "come_in", "debts of a plan")
def a_plan_pays_no_debt(_: Any) -> Any:
    return posting.append


@defect(topup_rules, "NOT_SPENT", "top-ups")
def a_top_up_follows_our_own_correction(not_spent: Any) -> Any:
    return {kind: why for kind, why in not_spent.items() if kind is not Kind.ADJUSTMENT}


@defect(topup_rules, "NOT_SPENT", "top-ups")
def a_top_up_follows_a_lapse(not_spent: Any) -> Any:
    return {kind: why for kind, why in not_spent.items() if kind is not Kind.EXPIRY}


@defect(topups, "stop_after", "top-ups")
def a_refunded_top_up_is_bought_again(_: Any) -> Any:
    return lambda context, payment, reason: None


@defect(topup_rules, "decide", "blocks")
def a_blocked_customer_is_charged(decide: Any) -> Any:
    return lambda context, row, *, blocked: decide(context, row, blocked=False)


@defect(topup_ceiling, "room_minor", "top-ups")
def the_last_top_up_passes_the_ceiling(_: Any) -> Any:
    return lambda context, row: row.ceiling_minor


@defect(topup_rules, "_reason_to_stop", "prices of top-ups")
def a_top_up_pays_any_price(reason_to_stop: Any) -> Any:
    def never_for_its_terms(*args: Any) -> str | None:
        reason: str | None = reason_to_stop(*args)
        return None if reason == stop_reasons.OTHER_TERMS else reason

    return never_for_its_terms


@defect(refund_sync, "NOT_REFUNDED", "disputes")
def a_failed_refund_counts_as_gone(_: Any) -> Any:
    return frozenset()


@defect(payment_tables, "TAKES_NOTHING", "disputes")
def a_dispute_that_was_won_takes(takes_nothing: Any) -> Any:
    return frozenset(takes_nothing) - {DisputeState.WON}


@defect(payment_tables, "TAKES_NOTHING", "disputes")
def an_inquiry_takes(takes_nothing: Any) -> Any:
    return frozenset(state for state in takes_nothing if not str(state).startswith("warning"))


@defect(dispute_sync, "take_back", "disputes")
def a_dispute_keeps_its_first_amount(take_back: Any) -> Any:
    def first(context: Any, payment: Any, row: Any, name: str, amount_minor: int, reason: str) -> None:
        if not (row.taken_minor and amount_minor):
            take_back(context, payment, row, name, amount_minor, reason)

    return first


@defect(clawbacks, "_comes_back_until", "disputes")
def credits_that_come_back_never_end(_: Any) -> Any:
    return lambda lot, clawback, period_end, now: None


@defect(credit_notes, "take_back", "plans")
def a_credit_note_takes_nothing(_: Any) -> Any:
    return lambda *args: None


@defect(GoneTwice, "_follow_balance", "balances")
def what_a_balance_bought_twice_is_kept(_: Any) -> Any:
    return lambda gone: None


@defect(GoneTwice, "_follow_changes", "changed plans")
def what_a_changed_plan_was_paid_with_is_kept(_: Any) -> Any:
    return lambda gone: None


@defect(host_refunds, "_worth_minor", "packs")
def a_refund_by_credits_is_rounded_up(worth_minor: Any) -> Any:
    return lambda context, payment_id, credits: worth_minor(context, payment_id, credits) + 1


@defect(applying, "_settle", "packs")
def a_code_counts_as_paid(settle: Any) -> Any:
    def full_price(context: Any, payment: Any, fetched: Any, *, paid_minor: int) -> None:
        settle(context, payment, fetched, paid_minor=payment.amount_minor)

    return full_price


@defect(comparison, "not_as_agreed", "packs")
def a_page_is_held_to_the_price_of_today(not_as_agreed: Any) -> Any:
    def todays(context: Any, payment: Any, fetched: Any) -> str | None:
        pack = context.catalog.packs.get(payment.pack)
        if pack is not None and pack.amount_minor != payment.amount_minor and payment.via != "topup":
            return "It costs something else by now"
        return not_as_agreed(context, payment, fetched)  # type: ignore[no-any-return]

    return todays


@defect(payment_checks, "check_with_stripe", "packs")
def nobody_asks_again_after_a_crash(_: Any) -> Any:
    return lambda context, payment_id: None


@defect(reconcile, "_mend", "packs")
def reconcile_mends_nothing(_: Any) -> Any:
    return lambda differences: None


@defect(expiry, "release_overdue", "credits")
def a_hold_is_kept_for_ever(_: Any) -> Any:
    return lambda session, wallet: 0


@defect(taking_back, "_invoice", "plans")
def a_plans_refund_takes_of_its_last_month(invoice_of: Any) -> Any:
    """Whichever month is refunded, the credits of the last one go."""

    def last(session: Any, payment: Any) -> Any:
        own = invoice_of(session, payment)
        if own is None:
            return None
        paid = select(Invoice).where(Invoice.subscription_id == own.subscription_id)
        return session.scalars(
            paid.where(Invoice.payment_id.is_not(None)).order_by(Invoice.id.desc())
        ).first()

    return last
