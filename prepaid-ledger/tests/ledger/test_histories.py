"""Random histories of everything, against the model, with the audit after every step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine

from prepaid_ledger import (
    ALLOWANCE_GRACE,
    BudgetExceeded,
    HoldClosed,
    InsufficientCredits,
    KeyReused,
    NothingToReverse,
    PrepaidError,
    WalletBlocked,
)
from prepaid_ledger.books import usage_sums
from prepaid_ledger.books.extensions import Overrun
from prepaid_ledger.database.transactions import commit_alone
from prepaid_ledger.testing import Databases

from .books import NEW_YEAR, OWNER, Books
from .model import Model, Refusal
from .model_parts import Budget

REFUSALS: dict[type[PrepaidError], Refusal] = {
    InsufficientCredits: "too few",
    BudgetExceeded: "over budget",
    WalletBlocked: "blocked",
    HoldClosed: "closed",
    NothingToReverse: "nothing",
}

few = st.integers(1, 12)
lives = st.sampled_from([None, 5, 60, 3_600, 86_400, 5 * 86_400])
spenders = st.sampled_from([None, "key:1", "key:2"])
windows = st.sampled_from([None, "day", "week", "month"])
zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"])
waits = st.sampled_from([1, 5, 59, 3_600, 86_400, 3 * 86_400])


class Histories(RuleBasedStateMachine):
    """Every rule does the same to the ledger and to the model."""

    databases: Databases
    kind: str

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(self.databases.fresh(self.kind))
        self.proofs = create_engine(self.databases.fresh("sqlite"))
        self.model = Model()
        self.number = 0
        self.sales: list[str] = []

    def teardown(self) -> None:
        self.books.close()
        self.proofs.dispose()

    def key(self, word: str) -> str:
        self.number += 1
        return f"{word}:{self.number}"

    def both(self, ledger: Callable[[], object], model: Refusal | None) -> None:
        """The ledger refuses for the same reason, or does it."""
        came: Refusal | None = None
        try:
            ledger()
        except PrepaidError as error:
            came = REFUSALS[type(error)]
        assert came == model

    @rule(seconds=waits)
    def time_goes_on(self, seconds: int) -> None:
        self.books.wait(seconds=seconds)

    @precondition(lambda self: self.ends())
    @rule()
    def time_goes_on_to_the_second_that_something_ends(self) -> None:
        self.books.time = min(self.ends())

    def ends(self) -> list[datetime]:
        """When lots with credits end, and open holds."""
        lots = [lot.expires_at for lot in self.model.lots if lot.left and lot.expires_at]
        holds = [hold.expires_at for hold in self.model.holds.values() if hold.state == "open"]
        return [end for end in lots + holds if end > self.books.time]

    @rule(credits=few, life=lives)
    def grant(self, credits: int, life: int | None) -> None:
        key = self.key("gift")
        ends = None if life is None else self.books.later(seconds=life)
        self.model.expire(self.books.time)
        self.model.come_in(self.model.new_lot(key, credits, expires_at=ends), repays=True)
        self.books.grant(credits, key, expires_at=ends)

    @rule(credits=few, amount_minor=st.integers(1, 40), life=lives)
    def buy(self, credits: int, amount_minor: int, life: int | None) -> None:
        key = self.key("sale")
        ends = None if life is None else self.books.later(seconds=life)
        self.model.expire(self.books.time)
        lot = self.model.new_lot(key, credits, expires_at=ends, amount_minor=amount_minor, paid=True)
        self.model.come_in(lot, repays=True)
        self.sales.append(key)
        self.books.buy(credits, amount_minor, key, expires_at=ends)

    @rule(credits=few, amount_minor=st.integers(1, 40), roll_over=st.integers(0, 5))
    def renew(self, credits: int, amount_minor: int, roll_over: int) -> None:
        key = self.key("invoice")
        period_end = self.books.later(days=2)
        lot = self.model.new_lot(
            key,
            credits,
            expires_at=period_end + ALLOWANCE_GRACE,
            amount_minor=amount_minor,
            paid=True,
            is_allowance=True,
        )
        self.model.allowance(lot, roll_over, self.books.time)
        self.books.committed(
            lambda: self.books.ledger.allowance(
                OWNER,
                credits,
                key=key,
                period_end=period_end,
                amount_minor=amount_minor,
                currency="usd",
                roll_over=roll_over,
            )
        )

    @rule(credits=few, spender=spenders)
    def spend(self, credits: int, spender: str | None) -> None:
        key = self.key("spend")
        refusal = self.model.spend(key, credits, self.books.time, spender)
        self.both(lambda: self.books.spend(credits, key, spender=spender), refusal)

    @rule(credits=few, spender=spenders)
    def spend_now(self, credits: int, spender: str | None) -> None:
        key = self.key("spend")
        refusal = self.model.spend(key, credits, self.books.time, spender)
        ledger = self.books.ledger
        self.both(lambda: ledger.spend_now(OWNER, credits=credits, key=key, spender=spender), refusal)

    @rule(credits=st.integers(0, 30), spender=spenders, every=windows, zone=zones)
    def set_a_budget(self, credits: int, spender: str | None, every: str | None, zone: str) -> None:
        self.model.expire(self.books.time)
        self.model.budgets[spender, every] = Budget(spender, every, zone, credits)
        self.books.ledger.set_budget(OWNER, credits, spender=spender, every=every, zone=zone)
        self.books.commit()

    @precondition(lambda self: self.model.budgets)
    @rule(data=st.data())
    def take_a_budget_away(self, data: st.DataObject) -> None:
        order = sorted(self.model.budgets, key=str)
        spender, every = data.draw(st.sampled_from(order))
        del self.model.budgets[spender, every]
        self.books.ledger.set_budget(OWNER, None, spender=spender, every=every)
        self.books.commit()

    @rule(credits=few)
    def the_caller_dies_before_its_commit(self, credits: int) -> None:
        with suppress(PrepaidError):
            self.books.ledger.spend(OWNER, credits=credits, key=self.key("lost"))
        self.books.session.rollback()

    @rule(credits=few, spender=spenders)
    def hold(self, credits: int, spender: str | None) -> None:
        self.open_hold(credits, spender)

    def open_hold(self, credits: int, spender: str | None) -> str | None:
        """Its key, unless it is refused."""
        key, lasts = self.key("job"), self.books.unjoined.setup.hold_expires_after
        refusal = self.model.hold(key, credits, self.books.time, lasts, spender)
        self.both(lambda: self.books.ledger.hold(OWNER, credits, key=key, spender=spender), refusal)
        return key if refusal is None else None

    @rule(step=few, spender=spenders)
    def meter(self, step: int, spender: str | None) -> None:
        self.open_meter(step, spender)

    def open_meter(self, step: int, spender: str | None) -> str | None:
        """With credits for its first step; a meter makes do with fewer."""
        key, lasts = self.key("chat"), self.books.unjoined.setup.hold_expires_after
        refusal = self.model.hold(key, step, self.books.time, lasts, spender, metered=True)
        if refusal is None:
            self.books.ledger.meter(OWNER, key=key, spender=spender, step=step)
        return key if refusal is None else None

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), more=st.integers(0, 6), lasts=lives)
    def extend(self, data: st.DataObject, more: int, lasts: int | None) -> None:
        self.let_grow(data.draw(st.sampled_from(sorted(self.model.holds))), data, more, lasts)

    def let_grow(self, key: str, data: st.DataObject, more: int, lasts: int | None) -> None:
        hold = self.model.holds[key]
        credits = hold.taken.credits + more
        counted = None if hold.counted is None else data.draw(st.integers(0, credits))
        until = None if lasts is None else self.books.later(seconds=lasts)
        refusal = self.model.extend(key, credits, self.books.time, until, counted)
        self.both(lambda: self.books.extend(key, credits, until, counted), refusal)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), overrun=st.sampled_from(["spend", "debt"]))
    def capture(self, data: st.DataObject, overrun: Overrun) -> None:
        self.end_by_capture(data.draw(st.sampled_from(sorted(self.model.holds))), data, overrun)

    def end_by_capture(self, key: str, data: st.DataObject, overrun: Overrun) -> None:
        credits = data.draw(st.integers(1, self.model.holds[key].taken.credits + 4))
        refusal = self.model.capture(key, credits, self.books.time, overrun)
        ledger = self.books.ledger
        self.both(lambda: ledger.capture(OWNER, key=key, credits=credits, overrun=overrun), refusal)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.end_by_release(data.draw(st.sampled_from(sorted(self.model.holds))))

    def end_by_release(self, key: str) -> None:
        refusal = self.model.release(key, self.books.time)
        self.both(lambda: self.books.ledger.release(OWNER, key=key), refusal)

    @rule(data=st.data(), credits=few, spender=spenders, is_metered=st.booleans())
    def a_hold_grows_and_ends(
        self, data: st.DataObject, credits: int, spender: str | None, is_metered: bool
    ) -> None:
        """What single rules seldom do to one hold, compared each time; meanwhile its draws may be kept."""
        if data.draw(st.booleans()):
            self.set_a_budget(30, spender, "day", "UTC")
        key = (self.open_meter if is_metered else self.open_hold)(credits, spender)
        if key is None:
            return
        for _ in range(data.draw(st.integers(1, 2))):
            self.books.wait(seconds=data.draw(st.sampled_from([0, 59, 3_600, 86_400])))
            self.let_grow(key, data, data.draw(few), data.draw(lives))
            self.they_agree()
        self.books.wait(seconds=data.draw(st.sampled_from([0, 59, 3_600])))
        self.they_agree()
        if data.draw(st.booleans()):
            self.tick()
        end = data.draw(st.sampled_from(["capture", "debt", "release", "time"]))
        if end == "release":
            self.end_by_release(key)
        elif end == "time":
            self.books.time = max(self.books.time, self.model.holds[key].expires_at)
            self.they_agree()
            self.tick()
        else:
            self.end_by_capture(key, data, "debt" if end == "debt" else "spend")

    @rule(data=st.data(), step=few, spender=spenders)
    def a_meter_counts_until_its_time_is_over(
        self, data: st.DataObject, step: int, spender: str | None
    ) -> None:
        key = self.open_meter(step, spender)
        if key is None:
            return
        counted = data.draw(st.integers(1, step))
        refusal = self.model.extend(key, step, self.books.time, None, counted)
        self.both(lambda: self.books.extend(key, step, None, counted), refusal)
        self.books.time = self.model.holds[key].expires_at
        self.they_agree()
        self.tick()

    @rule(credits=few, more=few, spender=spenders)
    def a_capture_finds_nothing_left(self, credits: int, more: int, spender: str | None) -> None:
        """What it takes beyond its hold is owed."""
        key = self.open_hold(credits, spender)
        if key is None:
            return
        if self.model.available:
            self.spend_now(self.model.available, None)
        refusal = self.model.capture(key, credits + more, self.books.time, "debt")
        ledger = self.books.ledger
        self.both(lambda: ledger.capture(OWNER, key=key, credits=credits + more, overrun="debt"), refusal)

    @precondition(lambda self: self.model.spends)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        spend_key = data.draw(st.sampled_from(sorted(self.model.spends)))
        credits = data.draw(st.integers(1, self.model.spends[spend_key].credits))
        key = self.key("undo")
        refusal = self.model.reverse(spend_key, key, credits, self.books.time)
        self.both(lambda: self.books.reverse(spend_key, key, credits), refusal)

    @precondition(lambda self: self.sales)
    @rule(data=st.data(), refunded_minor=st.integers(1, 40))
    def refund(self, data: st.DataObject, refunded_minor: int) -> None:
        sale = data.draw(st.sampled_from(self.sales))
        lot = next(lot for lot in self.model.lots if lot.key == sale)
        key = self.key("refund")
        self.model.refund(key, lot, refunded_minor, self.books.time)
        self.books.refund(refunded_minor, key, sale)

    @precondition(lambda self: self.sales)
    @rule(data=st.data(), credits=few)
    def a_part_is_taken_back_by_its_credits(self, data: st.DataObject, credits: int) -> None:
        sale = data.draw(st.sampled_from(self.sales))
        lot = next(lot for lot in self.model.lots if lot.key == sale)
        key = self.key("smaller")
        self.model.claw_back_named(key, lot, credits, self.books.time)
        self.books.claw_back(key, sale, credits=credits)
        self.books.claw_back(key, sale, credits=credits)

    @precondition(lambda self: self.model.clawbacks)
    @rule(data=st.data(), ends_in=st.sampled_from([None, -1, 0, 5]))
    def refund_fails(self, data: st.DataObject, ends_in: int | None) -> None:
        claw_key = data.draw(st.sampled_from(sorted(self.model.clawbacks)))
        key = self.key("failed")
        ends = None if ends_in is None else self.books.later(days=ends_in)
        refusal = self.model.refund_failed(key, claw_key, self.books.time, period_end=ends)
        self.both(lambda: self.books.refund_failed(claw_key, key, period_end=ends), refusal)

    @rule(credits=few, takes=st.booleans())
    def adjust(self, credits: int, takes: bool) -> None:
        key = self.key("mistake")
        refusal = None
        if takes:
            refusal = self.model.refuse(credits, self.books.time, debt_blocks=False)
            if refusal is None:
                self.model.take_by_hand(credits)
        else:
            self.model.give_by_hand(key, credits)
        self.both(lambda: self.books.adjust(-credits if takes else credits, key), refusal)

    @precondition(lambda self: self.model.spends)
    @rule(data=st.data())
    def a_spend_comes_again(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.spends)))
        credits, spender = self.model.spends[key].credits, self.model.spends[key].spender
        if key.startswith("hold:"):
            return
        assert self.books.ledger.spend_now(OWNER, credits=credits, key=key, spender=spender).repeated
        self.books.spend(credits, key, spender=spender)
        with pytest.raises(KeyReused):
            self.books.spend(credits + 1, key, spender=spender)

    @rule(credits=st.sampled_from([0, -1, 1.5, True]))
    def nonsense_is_refused(self, credits: int) -> None:
        with pytest.raises(ValueError, match="credits are a whole number"):
            self.books.ledger.spend(OWNER, credits=credits, key=self.key("nonsense"))

    @rule()
    def tick(self) -> None:
        self.books.ledger.write_due()
        self.model.expire(self.books.time)
        self.model.release_late(self.books.time)

    @rule()
    def usage_is_summed_up(self) -> None:
        self.tick()
        commit_alone(self.books.engine, lambda session: usage_sums.bring_up(session, OWNER))
        usage = self.books.unjoined.usage(OWNER, NEW_YEAR, self.books.later(days=1), by="spender")
        taken = self.model.spends.values()
        by_spender = {
            spend.spender: [each for each in taken if each.spender == spend.spender] for spend in taken
        }
        assert {each.spender: (each.credits, each.returned, each.calls) for each in usage} == {
            spender: (
                sum(each.credits for each in spends),
                sum(each.returned for each in spends),
                len(spends),
            )
            for spender, spends in by_spender.items()
        }

    @rule()
    def what_came_since_is_audited(self) -> None:
        assert self.books.unjoined.audit(proofs=self.proofs, full=False) == []

    @invariant()
    def they_agree(self) -> None:
        now = self.books.time
        wallet = self.books.ledger.wallet(OWNER)
        self.model.expire(now)
        late = self.model.late(now)
        parts = self.model.back(now)
        back = [(lot, part) for lot, part in parts if not lot.is_over(now)]
        too_late = sum(part for lot, part in parts if lot.is_over(now))
        assert (wallet.available, wallet.held, wallet.debt) == (
            self.model.available + sum(part for _, part in back),
            self.model.held - sum(hold.taken.credits for hold in late),
            max(0, self.model.debt - too_late),
        )
        left = [
            (lot.left, lot.expires_at, lot.amount_minor) for lot in self.books.ledger.lots(OWNER) if lot.left
        ]
        assert left == self.model.left(now, back)
        assert {
            (budget.spender, budget.every): (budget.credits, budget.spent)
            for budget in self.books.ledger.budgets(OWNER)
        } == {
            key: (budget.credits, self.model.charged(budget, now, late))
            for key, budget in self.model.budgets.items()
        }
        self.books.session.rollback()

    @invariant()
    def the_audit_is_clean(self) -> None:
        assert self.books.ledger.audit() == []


#: The steps of a history, by their names.
RULES = frozenset(rule.function.__name__ for rule in Histories.setup_state().rules)


def run_histories(
    databases: Databases,
    kind: str,
    *,
    examples: int,
    steps: int = 40,
    phases: Sequence[Phase] = (Phase.generate, Phase.shrink),
    number: int | None = None,
    rules: Collection[str] = RULES,
) -> None:
    """Run random histories; the first one that goes wrong is raised, made short if ``phases`` say so.

    :param number: A seed for them; by default they are others each time.
    :param rules: The steps that they are made of; by default all that there are.
    """
    left_out = dict.fromkeys(RULES - set(rules))
    machine = type("Machine", (Histories,), {"databases": databases, "kind": kind, **left_out})
    machine = machine if number is None else seed(number)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=phases,
            report_multiple_bugs=False,
        ),
    )


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 5), ("postgresql", 2)])
def test_random_histories_agree_with_the_model(databases: Databases, kind: str, examples: int) -> None:
    """A sample of ``./dev campaign histories``."""
    run_histories(databases, kind, examples=examples)
