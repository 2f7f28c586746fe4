"""Mistakes that one could make in the ledger, one guard at a time, and whether the tests see them.

Each is seeded by replacing one small function. The checker is the one of the tests: random
histories against the model, with the audit after every step. What it does not see
is a hole in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis.errors import HypothesisException
from sqlalchemy import false, select

from prepaid_ledger.books import allowances, entries, expiry, extensions, hold_states, holds, usage_sums
from prepaid_ledger.books import set_budget as budgets
from prepaid_ledger.books.budgets import budget_counts, windows
from prepaid_ledger.books.budgets.budget_counts import BudgetState
from prepaid_ledger.books.lots import lot_store, lots
from prepaid_ledger.books.lots.lots import EntryRow, LotState, Part
from prepaid_ledger.books.reversals import clawbacks, reversals, shares
from prepaid_ledger.books.wallets import posting, wallet_state
from prepaid_ledger.books.wallets.posting import Posting
from prepaid_ledger.books.wallets.wallet_state import WalletState
from prepaid_ledger.errors import InsufficientCredits
from prepaid_ledger.reading import usage
from prepaid_ledger.spends.batches import sqlite_batch
from prepaid_ledger.tables import HoldState, Kind, Lot
from prepaid_ledger.testing import Databases

from .test_histories import RULES, run_histories

Seed = Callable[[pytest.MonkeyPatch], None]

DEFECTS: dict[str, Seed] = {}


def defect(seed: Seed) -> Seed:
    DEFECTS[seed.__name__] = seed
    return seed


def is_caught(
    databases: Databases,
    name: str,
    *,
    examples: int = 150,
    number: int | None = None,
    rules: Collection[str] = RULES,
) -> bool:
    """Whether random histories go wrong once the defect is in.

    :param number: A seed for them; by default they are others each time.
    :param rules: The steps that they are made of; by default all that there are.
    """
    with pytest.MonkeyPatch.context() as patch:
        DEFECTS[name](patch)
        try:
            phases = [Phase.generate]
            run_histories(databases, "sqlite", examples=examples, phases=phases, number=number, rules=rules)
        except HypothesisException:  # the histories themselves are wrong, and have seen nothing
            raise
        except (Exception, pytest.fail.Exception):
            return True
    return False


@defect
def spends_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    def require(session: Any, wallet: WalletState, credits: int, *, debt_blocks: bool) -> None:
        expiry.bring_up_to_date(session, wallet, needed=credits)

    patch.setattr(entries, "require", require)


@defect
def spends_in_spite_of_a_debt(patch: pytest.MonkeyPatch) -> None:
    def require(session: Any, wallet: WalletState, credits: int, *, debt_blocks: bool) -> None:
        expiry.bring_up_to_date(session, wallet, needed=credits)
        if wallet.available < credits:
            raise InsufficientCredits(wallet.owner, needed=credits, available=wallet.available)

    patch.setattr(entries, "require", require)


@defect
def takes_what_is_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WalletState, "available", property(lambda wallet: wallet.balance))


@defect
def spends_ended_credits_in_a_batch(patch: pytest.MonkeyPatch) -> None:
    is_batchable = sqlite_batch._is_batchable
    patch.setattr(
        sqlite_batch,
        "_is_batchable",
        lambda wallet, *rest: is_batchable({**wallet, "next_expiry_at": None}, *rest),
    )


@defect
def forgets_keys(patch: pytest.MonkeyPatch) -> None:
    for module in (entries, posting):
        patch.setattr(module, "repeat", lambda *args, **kwargs: None)


@defect
def does_not_compare_what_a_key_said(patch: pytest.MonkeyPatch) -> None:
    def first_of_the_key(session: Any, wallet: WalletState, new: Posting, **kwargs: Any) -> Any:
        return posting.find(session, wallet, new.key)

    for module in (entries, posting):
        patch.setattr(module, "repeat", first_of_the_key)


@defect
def posts_twice(patch: pytest.MonkeyPatch) -> None:
    append = posting.append

    def twice(session: Any, wallet: WalletState, new: Posting) -> Any:
        if new.kind is Kind.SPEND and wallet.balance > 2:
            append(session, wallet, replace(new, credits=-1, key=f"{new.key}:again"))
        return append(session, wallet, new)

    patch.setattr(entries, "append", twice)


@defect
def moves_no_balance(patch: pytest.MonkeyPatch) -> None:
    save = wallet_state.save

    def forgetful(session: Any, wallet: WalletState) -> None:
        if wallet.seq % 5:
            save(session, wallet)

    patch.setattr(wallet_state, "save", forgetful)


@defect
def expires_a_second_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        WalletState,
        "is_due",
        property(lambda wallet: wallet.next_expiry_at is not None and wallet.next_expiry_at < wallet.now),
    )


@defect
def forgets_when_a_lot_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WalletState, "expects_expiry", lambda wallet, at: None)


@defect
def leaves_one_credit_when_a_lot_ends(patch: pytest.MonkeyPatch) -> None:
    over = lots.Lots.over
    patch.setattr(lots.Lots, "over", lambda self, now: [lot for lot in over(self, now) if lot.left != 1])


@defect
def draws_paid_credits_before_given_ones(patch: pytest.MonkeyPatch) -> None:
    def order(lot: LotState) -> tuple[datetime, bool, int]:
        return (lot.expires_at or lots.NEVER, not lot.paid, lot.seq)

    patch.setattr(LotState, "order", property(order))


@defect
def draws_what_ends_last_first(patch: pytest.MonkeyPatch) -> None:
    def order(lot: LotState) -> tuple[timedelta, bool, int]:
        return (lots.NEVER - (lot.expires_at or lots.NEVER), lot.paid, lot.seq)

    patch.setattr(LotState, "order", property(order))


@defect
def gives_back_what_was_drawn_first(patch: pytest.MonkeyPatch) -> None:
    drawn_last = lots.drawn_last

    def drawn_first(parts: list[Part], credits: int, *, skip: int = 0) -> list[Part]:
        return drawn_last(parts[::-1], credits, skip=skip)

    patch.setattr(lots, "drawn_last", drawn_first)
    patch.setattr(reversals, "drawn_last", drawn_first)


@defect
def gives_back_to_lots_that_have_ended(patch: pytest.MonkeyPatch) -> None:
    def groups(store: Any, parts: list[Part]) -> list[tuple[None, int]]:
        return [(None, sum(part.credits for part in parts))]

    patch.setattr(reversals, "_groups", groups)


@defect
def gives_back_more_than_was_spent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lot_store.StoredMemory, "reversed", lambda self, seq, before: 0)


@defect
def does_not_set_aside_what_is_held(patch: pytest.MonkeyPatch) -> None:
    save = wallet_state.save

    def forget(session: Any, wallet: WalletState) -> None:
        wallet.held = 0
        save(session, wallet)

    patch.setattr(holds, "save", forget)


@defect
def keeps_the_rest_of_a_captured_hold(patch: pytest.MonkeyPatch) -> None:
    close = hold_states.close

    def keep(session: Any, wallet: WalletState, hold: Any, verb: str, *, captured: int = 0) -> None:
        if captured:
            wallet.held += hold.credits - captured
        close(session, wallet, hold, verb, captured=captured)

    patch.setattr(hold_states, "close", keep)


@defect
def lets_a_hold_end_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hold_states, "move", lambda state, verb: hold_states.MOVES[HoldState.OPEN, verb])


@defect
def leaves_what_came_back_too_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "after_release", lambda session, wallet: None)


@defect
def repays_no_debt(patch: pytest.MonkeyPatch) -> None:
    come_in = entries.come_in

    def generous(session: Any, wallet: WalletState, new: Posting) -> Any:
        debt, wallet.debt = wallet.debt, 0
        try:
            return come_in(session, wallet, new)
        finally:
            wallet.debt = debt
            wallet_state.save(session, wallet)

    patch.setattr(entries, "come_in", generous)


@defect
def rounds_a_refund_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        shares,
        "credits_of_refund",
        lambda credits, paid, refunded: credits * min(refunded, paid) // paid if paid else credits,
    )


@defect
def claws_back_each_refund_by_itself(patch: pytest.MonkeyPatch) -> None:
    feed = shares.Share.feed

    def alone(self: shares.Share, move: shares.Claim | shares.Gone) -> None:
        self.refunded_minor = 0
        feed(self, move)

    patch.setattr(shares.Share, "feed", alone)


@defect
def restores_a_refund_twice(patch: pytest.MonkeyPatch) -> None:
    original = clawbacks.Clawed.of.__func__  # type: ignore[attr-defined]

    def without_undone(cls: Any, *args: Any) -> Any:
        return replace(original(cls, *args), undone={})

    patch.setattr(clawbacks.Clawed, "of", classmethod(without_undone))


@defect
def makes_a_debt_of_what_lapsed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clawbacks, "lapsed", lambda *which: select(Lot.seq).where(false()))


@defect
def claws_back_more_than_came_in(patch: pytest.MonkeyPatch) -> None:
    """A smaller plan keeps within the lot by itself, and does not know of the refund before it."""
    patch.setattr(shares.Share, "of_named", lambda share, credits: min(credits, share.credits - share.named))


@defect
def lets_credits_lapse_that_could_pay_a_debt(patch: pytest.MonkeyPatch) -> None:
    end = expiry.end

    def without_debt(session: Any, wallet: WalletState, lot: LotState, **terms: Any) -> None:
        debt, wallet.debt = wallet.debt, 0
        end(session, wallet, lot, **terms)
        wallet.debt = debt
        wallet_state.save(session, wallet)

    for module in (expiry, allowances, reversals):
        patch.setattr(module, "end", without_debt)


@defect
def lets_what_comes_back_live_no_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reversals, "MIN_LIFE", timedelta(0))


@defect
def rolls_over_without_a_cap(patch: pytest.MonkeyPatch) -> None:
    supersede = allowances._supersede

    def all_of_it(store: Any, lot: LotState, moved_up: int, expires_at: datetime) -> None:
        supersede(store, lot, lot.left, expires_at)

    patch.setattr(allowances, "_supersede", all_of_it)


@defect
def stores_no_draws(patch: pytest.MonkeyPatch) -> None:
    store = lot_store.LotStore._store

    def lazy(self: lot_store.LotStore, draws: list[dict[str, int]]) -> None:
        draws.clear()
        store(self, draws)

    patch.setattr(lot_store.LotStore, "_store", lazy)


@defect
def draws_credits_of_reversed_spends_anew(patch: pytest.MonkeyPatch) -> None:
    feed = lots.Lots.feed

    def forget_restored(self: lots.Lots, event: lots.Event) -> list[Part]:
        if isinstance(event, EntryRow) and event.kind is Kind.CLAWBACK and event.credits > 0:
            event = event._replace(refers_to_seq=None)
        return feed(self, event)

    patch.setattr(lots.Lots, "feed", forget_restored)


@defect
def counts_in_no_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget_counts, "count", lambda *args: None)


@defect
def counts_what_the_wallet_spends_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget_counts, "counted_by", lambda *args: 0)


@defect
def batches_ask_for_no_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sqlite_batch.BudgetRow, "has_left", lambda *args: True)


@defect
def gives_no_budget_back_when_a_hold_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hold_states, "give_back", lambda *args: None)


@defect
def gives_no_budget_back_when_a_spend_is_undone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reversals, "give_back", lambda *args: None)


@defect
def gives_back_to_the_window_of_today(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BudgetState, "counts", lambda state, spender, at: state.spender in ("", spender))


@defect
def begins_no_new_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BudgetState, "roll", lambda state, now: None)


@defect
def knows_no_zone_but_utc(patch: pytest.MonkeyPatch) -> None:
    window_of = windows.window_of
    for module in (budget_counts, budgets):
        patch.setattr(module, "window_of", lambda every, zone, at: window_of(every, "UTC", at))


@defect
def keeps_overdue_holds_from_a_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(entries, "release_overdue", lambda session, wallet: 0)


@defect
def forgets_what_was_spent_before_a_budget_was_set(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budgets, "charged_in", lambda *args: 0)


@defect
def grows_beyond_what_is_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(extensions, "require", lambda *args, **terms: None)


@defect
def grows_beyond_a_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(extensions, "charge", lambda *args, **terms: None)


@defect
def draws_nothing_as_a_hold_grows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lots.Lots, "_extend", lambda self, more: [])


@defect
def gives_back_only_what_a_hold_opened_with(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        lot_store.StoredMemory,
        "drawn",
        lambda self, seq, before, drawn=lot_store.StoredMemory.drawn: drawn(self, seq, seq),
    )


@defect
def counts_a_whole_hold_in_the_window_that_it_opened_in(patch: pytest.MonkeyPatch) -> None:
    for module in (hold_states, reversals):
        patch.setattr(module, "charged", lambda session, hold: [(hold.at, hold.credits)])


@defect
def shrinks_a_hold(patch: pytest.MonkeyPatch) -> None:
    extend = extensions.extend

    def to_the_letter(session: Any, wallet: WalletState, hold: Any, **terms: Any) -> None:
        if terms.get("until") is not None:
            extensions._change(session, hold, expires_at=terms["until"])
        extend(session, wallet, hold, **terms)

    patch.setattr(extensions, "extend", to_the_letter)


@defect
def gives_back_what_a_meter_has_counted(patch: pytest.MonkeyPatch) -> None:
    def release(session: Any, wallet: WalletState, hold: Any) -> None:
        hold_states.close(session, wallet, hold, "expire")

    patch.setattr(hold_states, "expire", release)


@defect
def forgets_what_is_owed_beyond_a_hold(patch: pytest.MonkeyPatch) -> None:
    close = hold_states.close

    def forgetful(*args: Any, owed: int = 0, **terms: Any) -> None:
        close(*args, **terms)

    patch.setattr(hold_states, "close", forgetful)


@defect
def reads_usage_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage, "mark_of", lambda session, wallet_id: 0)


@defect
def sums_usage_up_in_another_quarter(patch: pytest.MonkeyPatch) -> None:
    quarter_of = usage_sums.quarter_of
    patch.setattr(usage_sums, "quarter_of", lambda dialect: quarter_of(dialect) + 10**6)
