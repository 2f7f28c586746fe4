"""What the ledger must do, written as simply as can be: everything at once, in memory, with no database.

The ledger draws lots lazily, the model at once. The ledger writes what is due when someone writes, the
model whenever it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from .model_parts import DAY, Budget, Clawback, Held, Lot, Taken, last

#: What a verb comes to, when it is refused.
Refusal = Literal["too few", "blocked", "over budget", "closed", "nothing"]


@dataclass
class Model:
    """One wallet."""

    lots: list[Lot] = field(default_factory=list)
    spends: dict[str, Taken] = field(default_factory=dict)
    holds: dict[str, Held] = field(default_factory=dict)
    clawbacks: dict[str, Clawback] = field(default_factory=dict)
    clawed: dict[str, int] = field(default_factory=dict)
    budgets: dict[tuple[str | None, str | None], Budget] = field(default_factory=dict)
    debt: int = 0
    debts: list[tuple[str, int]] = field(default_factory=list)
    given: int = 0
    taken_by_hand: list[Lot] = field(default_factory=list)
    given_again: list[Lot] = field(default_factory=list)

    def left(
        self, now: datetime, back: list[tuple[Lot, int]]
    ) -> list[tuple[int, datetime | None, int | None]]:
        """What a spend could draw, in order: how many, until when, at what price.

        :param back: What would be given back first.
        """
        self.expire(now)
        left = {lot: lot.left for lot in self.lots}
        for lot, credits in back:
            left[lot] += credits
        live = sorted((lot for lot in self.lots if left[lot]), key=lambda lot: lot.order)
        return [(left[lot], lot.expires_at, lot.amount_minor) for lot in live]

    @property
    def available(self) -> int:
        return sum(lot.left for lot in self.lots)

    @property
    def held(self) -> int:
        return sum(hold.taken.credits for hold in self.holds.values() if hold.state == "open")

    def expire(self, now: datetime) -> None:
        for lot in sorted(self.lots, key=lambda lot: lot.order):
            if lot.is_over(now):
                self.lapse(lot, lot.left)

    def lapse(self, lot: Lot, credits: int) -> None:
        """What would lapse pays a debt first."""
        repaid = min(self.debt, credits)
        self.debt -= repaid
        lot.left -= credits
        lot.first.gone += credits - repaid

    def late(self, now: datetime) -> list[Held]:
        """Open holds whose time is over."""
        return [hold for hold in self.holds.values() if hold.state == "open" and hold.expires_at <= now]

    def back(self, now: datetime) -> list[tuple[Lot, int]]:
        """What late holds will give back: all but what their meters have counted."""
        late = self.late(now)
        return [
            part for hold in late for part in last(hold.taken.parts, hold.taken.credits - (hold.counted or 0))
        ]

    def release_late(self, now: datetime) -> None:
        for key in [key for key, hold in self.holds.items() if hold in self.late(now)]:
            hold = self.holds[key]
            if hold.counted:
                self.capture(key, hold.counted, now)
            else:
                self.give_back(hold.taken.parts, now)
                hold.state = "expired"

    def give_back(self, parts: list[tuple[Lot, int]], now: datetime) -> None:
        for lot, credits in parts:
            lot.left += credits
        self.expire(now)

    def come_in(self, lot: Lot, *, repays: bool) -> None:
        self.lots.append(lot)
        if repays:
            repaid = min(self.debt, lot.left)
            self.debt -= repaid
            lot.left -= repaid

    def new_lot(
        self,
        key: str,
        credits: int,
        *,
        expires_at: datetime | None = None,
        amount_minor: int | None = None,
        paid: bool = False,
        is_allowance: bool = False,
        origin: Lot | None = None,
    ) -> Lot:
        number = len(self.lots) + 1
        return Lot(key, number, credits, credits, expires_at, paid, amount_minor, is_allowance, origin)

    def draw(self, credits: int, first: Lot | None = None) -> list[tuple[Lot, int]]:
        def order(lot: Lot) -> tuple[object, ...]:
            return (lot is not first, first is None or lot.origin is not first, *lot.order)

        parts = []
        for lot in sorted(self.lots, key=order):
            part = min(lot.left, credits)
            if part:
                lot.left -= part
                credits -= part
                parts.append((lot, part))
        assert credits == 0, "the model draws what is there"
        return parts

    def take_by_hand(self, credits: int) -> None:
        """One credit after the other, those first that were given by hand."""
        parts = sorted(self.draw(credits), key=lambda part: (not part[0].first.by_hand, part[0].number))
        for lot in [lot.first for lot, part in parts for _ in range(part)]:
            if self.given:
                self.given -= 1
                if not lot.by_hand:
                    self.given_again.append(lot)
                continue
            taken = self.given_again.pop() if lot.by_hand else lot
            taken.gone += 1
            self.taken_by_hand.append(taken)

    def give_by_hand(self, key: str, credits: int) -> None:
        """One credit after the other makes up for one that was taken, if there is one."""
        lot = self.new_lot(key, credits)
        lot.by_hand = True
        self.come_in(lot, repays=False)
        for _ in range(credits):
            if not self.taken_by_hand:
                self.given += 1
                continue
            again = self.taken_by_hand.pop()
            again.gone -= 1
            self.given_again.append(again)

    def refuse(
        self, credits: int, now: datetime, *, debt_blocks: bool = True, release: bool = True
    ) -> Refusal | None:
        self.expire(now)
        if debt_blocks and self.debt:
            return "blocked"
        late = self.back(now)
        if self.available + sum(part for lot, part in late if not lot.is_over(now)) < credits:
            return "too few"
        if release and self.available < credits:
            self.release_late(now)
        return None

    def charged(self, budget: Budget, now: datetime, late: list[Held]) -> int:
        """What a budget's window of now was charged, without so many late holds."""
        taken = list(self.spends.values())
        for hold in self.holds.values():
            if hold.state == "open" and hold not in late:
                taken.append(hold.taken)
            elif hold.state == "open" and hold.counted:
                taken.append(hold.captured_part(hold.counted))
        return sum(
            credits
            for what in taken
            if budget.spender in (None, what.spender)
            for at, credits in what.charges()
            if budget.window(at) == budget.window(now)
        )

    def is_over_budget(self, credits: int, spender: str | None, now: datetime, late: list[Held]) -> bool:
        return any(
            self.charged(budget, now, late) + credits > budget.credits
            for budget in self.budgets.values()
            if budget.spender in (None, spender)
        )

    def charge(self, credits: int, spender: str | None, now: datetime) -> Refusal | None:
        """Refuse what is beyond a budget, even without the late holds; they end if it takes that."""
        if self.is_over_budget(credits, spender, now, self.late(now)):
            return "over budget"
        if self.is_over_budget(credits, spender, now, []):
            self.release_late(now)
        return None

    def refuse_to_take(self, credits: int, spender: str | None, now: datetime) -> Refusal | None:
        """Refuse what can't be taken; what is late has ended if that lets it be."""
        few = self.refuse(credits, now, release=False)
        return few or self.charge(credits, spender, now) or self.refuse(credits, now)

    def spend(self, key: str, credits: int, now: datetime, spender: str | None = None) -> Refusal | None:
        refusal = self.refuse_to_take(credits, spender, now)
        if refusal is None:
            self.spends[key] = Taken(now, self.draw(credits), spender)
        return refusal

    def hold(
        self,
        key: str,
        credits: int,
        now: datetime,
        lasts: timedelta,
        spender: str | None = None,
        *,
        metered: bool = False,
    ) -> Refusal | None:
        refusal = self.refuse_to_take(credits, spender, now)
        if refusal is None:
            taken = Taken(now, self.draw(credits), spender, charged=[(now, credits)])
            self.holds[key] = Held(taken, now + lasts, counted=0 if metered else None)
        return refusal

    def extend(
        self, key: str, credits: int, now: datetime, until: datetime | None, counted: int | None = None
    ) -> Refusal | None:
        """To so many in all, and until then; it is ``counted`` by then."""
        self.expire(now)
        hold = self.holds[key]
        if hold.state != "open":
            return "closed"
        lasted, hold.expires_at = hold.expires_at, max(hold.expires_at, until or hold.expires_at)
        refusal = self.grow(hold, credits - hold.taken.credits, now)
        if refusal is not None:
            hold.expires_at = lasted
        elif counted is not None:
            hold.counted = max(hold.counted or 0, counted)
        return refusal

    def grow(self, hold: Held, more: int, now: datetime) -> Refusal | None:
        """Refused where this very hold would have to end for its credits, and then nothing ends."""
        if more <= 0:
            return None
        spender, late = hold.taken.spender, self.late(now)
        refusal = self.refuse(more, now, release=False)
        if refusal is None and self.is_over_budget(more, spender, now, late):
            refusal = "over budget"
        needs = self.available < more or self.is_over_budget(more, spender, now, [])
        if refusal is None and needs and hold in late:
            refusal = "closed"
        if refusal is None:
            assert self.refuse_to_take(more, spender, now) is None
            self.draw_more(hold, more, now)
        return refusal

    def draw_more(self, hold: Held, more: int, now: datetime) -> None:
        hold.taken.parts += self.draw(more)
        hold.taken.charged.append((now, more))

    def capture(self, key: str, credits: int, now: datetime, overrun: str = "refuse") -> Refusal | None:
        self.expire(now)
        hold = self.holds[key]
        if hold.state == "captured" and hold.captured == credits:
            return None
        if hold.state != "open":
            return "closed"
        more = credits - hold.taken.credits
        owed = 0
        if more > 0:
            refusal = self.capture_more(hold, more, now, overrun)
            if refusal is not None:
                return refusal
            owed = credits - hold.taken.credits
        hold.state, hold.captured = "captured", credits
        self.spends[f"hold:{key}"] = hold.captured_part(credits - owed)
        if owed:
            self.spends[f"hold:{key}"].owed = (now, owed)
            self.debt += owed
            self.debts.append(("spend", owed))
        self.give_back(last(hold.taken.parts, hold.taken.credits - credits + owed), now)
        return None

    def capture_more(self, hold: Held, more: int, now: datetime, overrun: str) -> Refusal | None:
        """Its own credits don't go back for it, however late it is."""
        lasted, hold.expires_at = hold.expires_at, max(hold.expires_at, now + timedelta(seconds=1))
        if overrun == "spend":
            refusal = self.grow(hold, more, now)
        else:
            over = self.is_over_budget(more, hold.taken.spender, now, self.late(now))
            refusal = "over budget" if over else None
            if refusal is None:
                self.draw_what_is_there(hold, more, now)
        if refusal is not None:
            hold.expires_at = lasted
        return refusal

    def draw_what_is_there(self, hold: Held, more: int, now: datetime) -> None:
        if self.available < more:
            self.release_late(now)
        there = min(more, self.available)
        if there:
            self.charge(there, hold.taken.spender, now)
            self.draw_more(hold, there, now)
        if more > there:
            self.charge(more - there, hold.taken.spender, now)

    def release(self, key: str, now: datetime) -> Refusal | None:
        self.expire(now)
        hold = self.holds[key]
        if hold.state == "captured":
            return "closed"
        if hold.state == "open":
            hold.state = "released"
            self.give_back(hold.taken.parts, now)
        return None

    def reverse(self, spend_key: str, key: str, credits: int, now: datetime) -> Refusal | None:
        self.expire(now)
        spend = self.spends[spend_key]
        if credits > spend.credits - spend.returned:
            return "nothing"
        parts = last(spend.parts, credits, skip=spend.returned)
        spend.returned += credits
        for lot, part in parts:
            if not lot.is_over(now):
                lot.left += part
                continue
            price = None if lot.amount_minor is None else lot.amount_minor * part // lot.credits
            ends = None if lot.expires_at is None else now + max(lot.expires_at - spend.at, DAY)
            self.lots.append(
                self.new_lot(key, part, expires_at=ends, amount_minor=price, origin=lot.origin or lot)
            )
        return None

    def share(self, lot: Lot) -> int:
        """The credits that the clawbacks that stand must have taken."""
        minor = named = for_money = covered = 0
        for clawback in self.clawbacks.values():
            if clawback.lot is not lot or clawback.undone:
                continue
            if clawback.refunded_minor is None:
                covers = min(covered, clawback.gone)
                room = lot.credits - for_money - named - covers
                named += max(0, min(clawback.claimed, room) - (clawback.gone - covers))
                continue
            assert lot.amount_minor, "it was paid for"
            minor = min(minor + clawback.refunded_minor, lot.amount_minor)
            bought = (lot.credits * minor + lot.amount_minor - 1) // lot.amount_minor
            bought = min(bought, lot.credits - named)
            for_money = max(for_money, bought - clawback.gone)
            covered = max(0, bought - for_money)
        return for_money + named

    def owed_of(self, lot: Lot) -> int:
        """The debt that the lot's refunds made, less what was forgiven."""
        return sum(clawback.debt for clawback in self.clawbacks.values() if clawback.lot is lot)

    def refund(self, key: str, lot: Lot, refunded_minor: int, now: datetime) -> None:
        self.expire(now)
        self.clawbacks[key] = Clawback(lot, refunded_minor, now, lot.gone)
        self.take(self.clawbacks[key])

    def claw_back_named(self, key: str, lot: Lot, credits: int, now: datetime) -> None:
        self.expire(now)
        self.clawbacks[key] = Clawback(lot, None, now, lot.gone, credits)
        self.take(self.clawbacks[key])

    def take(self, clawback: Clawback) -> None:
        lot = clawback.lot
        taken = self.share(lot)
        take = taken - self.clawed.get(lot.key, 0)
        there = min(take, self.available)
        clawback.debt = take - there
        self.clawed[lot.key] = taken
        self.draw(there, first=lot)
        self.debt += clawback.debt
        self.debts.append(("clawback", clawback.debt))

    def refund_failed(
        self, key: str, claw_key: str, now: datetime, *, period_end: datetime | None = None
    ) -> Refusal | None:
        self.expire(now)
        clawback = self.clawbacks[claw_key]
        if clawback.undone:
            return "nothing"
        clawback.undone = True
        lot = clawback.lot
        back = self.clawed[lot.key] - self.share(lot)
        self.clawed[lot.key] -= back
        forgiven = min(self.debt, self.owed_of(lot), back)
        self.debt -= forgiven
        clawback.debt -= forgiven
        ends = lot.expires_at
        if ends is not None and (period_end or ends) <= now:
            ends = now + max(ends - clawback.at, DAY)
        if back > forgiven:
            self.lots.append(
                self.new_lot(
                    key,
                    back - forgiven,
                    expires_at=ends,
                    amount_minor=clawback.refunded_minor,
                    is_allowance=lot.is_allowance and ends == lot.expires_at,
                    origin=lot,
                )
            )
        return None

    def allowance(self, lot: Lot, roll_over: int, now: datetime) -> None:
        self.expire(now)
        for old in sorted(self.lots, key=lambda lot: lot.order):
            in_use = old.left or any(
                old is part
                for hold in self.holds.values()
                if hold.state == "open"
                for part, _ in hold.taken.parts
            )
            if old.is_allowance and not old.ended and in_use:
                moved = min(old.left, roll_over)
                roll_over -= moved
                self.lapse(old, old.left - moved)
                old.ended, old.left = True, 0
                if moved:
                    paid = old.first.amount_minor
                    price = None if paid is None else paid * moved // old.first.credits
                    self.lots.append(
                        self.new_lot(
                            f"rollover:{old.key}",
                            moved,
                            expires_at=lot.expires_at,
                            amount_minor=price,
                            paid=bool(price),
                            is_allowance=True,
                            origin=old.origin or old,
                        )
                    )
        lot.number = len(self.lots) + 1
        self.come_in(lot, repays=True)
