"""What a customer must have, in money and in credits, told apart from the product.

The credits are those of the ledger's own model. This adds what was paid for them, what of it went back, and
what a plan and auto top-up do. Amounts are in the smallest unit of their currency.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Literal

from ledger.model import Model
from ledger.model_parts import Lot

from .gone_twice import Move, lost

DAY = timedelta(days=1)

#: How long a plan's credits outlast their period.
GRACE = timedelta(hours=72)

#: When a bank says that it can't pay out a refund.
BANK_ANSWERS_IN = timedelta(seconds=60)

#: What is for sale: credits, price, currency, and how many days the credits last.
PACKS: dict[str, tuple[int, int, str, int | None]] = {
    "starter": (100, 500, "usd", None),
    "bonus": (120, 1_000, "usd", 30),
    "berlin": (70, 700, "eur", None),
}
#: Credits by the piece: from so many on, the price of one.
TIERS = ((100, 90), (50, 95), (1, 100))

#: Credits a month, and how many of them roll over.
PLANS = {"small": (100, 30), "large": (500, 0), "3 seats": (30, 0), "rich": (600, 0), "cheap": (400, 0)}

#: Codes that give credits: how many, how often in all, and how many days the credits last.
GIVING = {"WELCOME": (30, 1, None), "SUMMER": (45, 2, 30)}

#: What of a price a code leaves, in percent.
CODES = {"": 100, "HALF": 50, "ALL": 0}

#: What credits went by when they became fewer.
Fall = Literal["spend", "clawback", "adjustment", "expiry"]


@dataclass(eq=False)
class Taker:
    """A refund, dispute or credit note: the money that it has taken by now, and how often it took some."""

    taken_minor: int = field(default=0, kw_only=True)
    takes: int = field(default=0, kw_only=True)


@dataclass(eq=False)
class Refund(Taker):
    """So much was sent back."""

    amount_minor: int = 0


@dataclass(eq=False)
class Dispute(Taker):
    """An inquiry never takes any money."""

    amount_minor: int = 0
    is_inquiry: bool = False
    is_looked_at: bool = False


@dataclass(eq=False)
class Note(Taker):
    """A credit note, by which so much went to the customer's balance at Stripe ``at`` a time."""

    amount_minor: int
    at: datetime


@dataclass(eq=False)
class Payment:
    """Money that came in. ``charged_minor`` of it came by a card, and can go back to it; the rest was paid by
    the customer's balance at Stripe, of which ``balance`` takes what was gone from it already. It may have
    paid for a month until ``period_end``.

    Where a plan was changed, ``carried_minor`` of the one before has paid for it, and for ``carried_credits``
    that no new money has paid; ``carried`` takes what was gone already. ``moves`` is where its own money went
    when the plan was changed again.
    """

    lot: Lot
    paid_minor: int
    charged_minor: int
    currency: str
    at: datetime
    refunds_fail: bool = False
    period_end: datetime | None = None
    refunds: dict[str, Refund] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    dispute: Dispute | None = None
    balance: Taker = field(default_factory=Taker)
    carried_minor: int = 0
    carried_credits: int = 0
    carried: Taker = field(default_factory=Taker)
    moves: list[Move] = field(default_factory=list)

    @property
    def refunded_minor(self) -> int:
        return sum(refund.taken_minor for refund in self.refunds.values())

    @property
    def gone_minor(self) -> int:
        """What has gone back to where it came from."""
        return self.refunded_minor + (self.dispute.taken_minor if self.dispute is not None else 0)

    @property
    def from_balance_minor(self) -> int:
        return self.paid_minor - self.charged_minor

    @property
    def unmoved_minor(self) -> int:
        """What no change of the plan has moved on."""
        return self.paid_minor + self.carried_minor - sum(move.minor for move in self.moves)

    def all_moves(self) -> list[Move]:
        notes = [Move(self, note.amount_minor, note.at) for note in self.notes.values()]
        return [*notes, *self.moves]

    def kept(self) -> Fraction:
        """What part of its new money nobody has got back, in whatever way."""
        noted = sum(note.amount_minor for note in self.notes.values())
        back = self.gone_minor + noted + self.balance.taken_minor
        return Fraction(max(self.paid_minor - back, 0), self.paid_minor) if self.paid_minor else Fraction(1)


@dataclass(frozen=True, eq=False)
class Failing:
    """A refund of a payment, of which the bank is going to say ``at`` a time that it can't pay it out."""

    at: datetime
    name: str
    payment: Payment
    refund: Refund


@dataclass(eq=False)
class TopUp:
    """As many packs as bring the credits back to the threshold are bought, once some are spent."""

    pack: str
    price_minor: int
    threshold: int
    ceiling_minor: int
    on: bool = True


@dataclass(eq=False)
class Plan:
    """What it has given so far is ``lots``, and what was paid for it ``payments``, the first first."""

    name: str
    lots: list[Lot] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    is_paused: bool = False


@dataclass(frozen=True)
class Change:
    """A plan becomes another one with the ``rest`` of its period, by an invoice with these sums."""

    plan: str
    rest: Fraction
    costs_minor: int
    back_minor: int
    charged_minor: int
    period_end: datetime


@dataclass
class Customer:
    """One customer, as told by what was done.

    ``falls`` are how credits became fewer since they last fell below the threshold of auto top-up.
    ``failing`` are the refunds that a bank is going to send back, the oldest first. ``has_left``: and has
    bought nothing since.
    """

    wallet: Model = field(default_factory=Model)
    payments: dict[str, Payment] = field(default_factory=dict)
    topup: TopUp | None = None
    plan: Plan | None = None
    blocked: bool = False
    has_left: bool = False
    falls: list[Fall] = field(default_factory=list)
    topped_up: list[tuple[datetime, int]] = field(default_factory=list)
    redeemed: Counter[str] = field(default_factory=Counter)
    failing: list[Failing] = field(default_factory=list)
    prices: dict[str, int] = field(default_factory=lambda: {name: pack[1] for name, pack in PACKS.items()})

    # What is bought

    def offer(self, item: str) -> tuple[int, int, str, int | None]:
        """Credits, price, currency and days of a pack, or of a number of credits."""
        if item in PACKS:
            credits, _, currency, days = PACKS[item]
            return credits, self.prices[item], currency, days
        each = next(price for least, price in TIERS if int(item) >= least)
        return int(item), int(item) * each, "usd", None

    def bought(
        self,
        name: str,
        offer: tuple[int, int, str, int | None],
        now: datetime,
        *,
        code: str = "",
        refunds_fail: bool = False,
        from_balance: int = 0,
    ) -> Payment:
        credits, price, currency, days = offer
        paid = price * CODES[code] // 100
        self.expire(now)
        lot = self.wallet.new_lot(
            name,
            credits,
            expires_at=None if days is None else now + timedelta(days=days),
            amount_minor=paid,
            paid=paid > 0,
        )
        self.wallet.come_in(lot, repays=True)
        self.has_left = False
        self.payments[name] = Payment(lot, paid, paid - from_balance, currency, now, refunds_fail)
        return self.payments[name]

    def redeem(self, key: str, code: str, now: datetime) -> bool:
        """Whether a code gave its credits."""
        credits, times, days = GIVING[code]
        if self.blocked or self.has_left or self.redeemed[code] >= times:
            return False
        self.redeemed[code] += 1
        self.expire(now)
        ends = None if days is None else now + timedelta(days=days)
        self.wallet.come_in(self.wallet.new_lot(key, credits, expires_at=ends), repays=True)
        return True

    def leave(self) -> None:
        """The host removes the customer; their wallet stays."""
        self.topup = self.plan = None
        self.has_left = True

    # What goes back

    def refuses_refund(self, payment: Payment, amount_minor: int | None) -> bool:
        """Whether so much, or all that is left, can't be refunded: Stripe refuses what the bank has."""
        left = payment.charged_minor - payment.refunded_minor
        charged_back = payment.dispute is not None and payment.dispute.taken_minor > 0
        amount = left if amount_minor is None else amount_minor
        return charged_back or not 0 < amount <= left

    def not_given_back(self, payment: Payment) -> int:
        """What is refunded where nobody names an amount: neither the card nor the balance has it."""
        given = sum(note.taken_minor for note in payment.notes.values())
        return payment.charged_minor - payment.refunded_minor - given

    def worth_minor(self, payment: Payment, credits: int) -> int:
        """What so many credits of a payment cost."""
        return payment.paid_minor * credits // payment.lot.credits

    def refunded(self, name: str, payment: Payment, amount_minor: int | None, now: datetime) -> None:
        left = payment.charged_minor - payment.refunded_minor
        amount = left if amount_minor is None else amount_minor
        refund = payment.refunds[name] = Refund(amount_minor=amount)
        self.take_back(payment, name, refund, amount, now)
        if payment.refunds_fail:
            self.failing.append(Failing(now + BANK_ANSWERS_IN, name, payment, refund))
        if self.topup is not None and name_is_of_topup(payment):
            self.topup.on = False

    def refunds_failed(self, now: datetime, *, newest_first: bool) -> None:
        """The bank has sent back what it was to pay out: the credits come again.

        :param newest_first: As Stripe lists refunds, and not as it tells of them one by one.
        """
        failed = [failing for failing in self.failing if failing.at <= now]
        self.failing = self.failing[len(failed) :]
        for failing in reversed(failed) if newest_first else failed:
            self.take_back(failing.payment, failing.name, failing.refund, 0, now)

    def dispute_opens(self, payment: Payment, dispute: Dispute) -> None:
        """A bank asks, or takes money: no top-up follows by itself, whatever comes of it."""
        payment.dispute = dispute
        if self.topup is not None:
            self.topup.on = False

    def disputed(self, name: str, payment: Payment, amount_minor: int, now: datetime) -> None:
        """A dispute takes so much as things stand: 0 if it was won."""
        dispute = payment.dispute
        assert dispute is not None
        before = dispute.taken_minor
        self.take_back(payment, name, dispute, amount_minor, now)
        if amount_minor > before and self.topup is not None:
            self.topup.on = False

    def take_back(self, payment: Payment, name: str, taker: Taker, amount_minor: int, now: datetime) -> None:
        """What was taken for it before is undone, and then it takes what it now stands for."""
        if amount_minor == taker.taken_minor:
            return
        self.expire(now)
        if taker.taken_minor and (taker is not payment.carried or payment.carried_credits):
            self.wallet.refund_failed(
                f"undone:{name}:{taker.takes}",
                f"{name}:{taker.takes}",
                now,
                period_end=payment.period_end,
            )
        if amount_minor:
            taker.takes += 1
            before, key = self.wallet.available, f"{name}:{taker.takes}"
            if taker is not payment.carried:
                self.wallet.refund(key, payment.lot, amount_minor, now)
            elif payment.carried_credits:
                credits = ceil(Fraction(payment.carried_credits * amount_minor, payment.carried_minor))
                self.wallet.claw_back_named(key, payment.lot, credits, now)
            self.fell("clawback", before)
        taker.taken_minor = amount_minor

    # A plan

    def billed(
        self, name: str, now: datetime, *, total_minor: int, charged_minor: int, period_end: datetime
    ) -> None:
        """A month of the plan is paid, in whatever way; a code may have made it free."""
        assert self.plan is not None
        credits, roll_over = PLANS[self.plan.name]
        self.expire(now)
        for lot in self.wallet.lots:
            lot.is_allowance = lot.is_allowance and any(lot.first is own for own in self.plan.lots)
        lot = self.wallet.new_lot(
            name,
            credits,
            expires_at=period_end + GRACE,
            amount_minor=total_minor,
            paid=total_minor > 0,
            is_allowance=True,
        )
        before, owed = self.wallet.available, self.wallet.debt
        self.wallet.allowance(lot, roll_over, now)
        if self.wallet.available < before + credits - (owed - self.wallet.debt):
            self.fall("expiry", before)
        self.plan.lots.append(lot)
        self.has_left = False
        paid = Payment(lot, total_minor, charged_minor, "usd", now, period_end=period_end)
        self.payments[name] = paid
        self.plan.payments.append(paid)

    def changed(self, name: str, change: Change, now: datetime) -> None:
        """The plan is another one at once: the rest of the old one is given back, the new one's costs."""
        assert self.plan is not None
        before, self.plan.name = PLANS[self.plan.name][0], change.plan
        after = PLANS[self.plan.name][0]
        credits = int((after - before) * change.rest)
        total, carried = (
            max(change.costs_minor - change.back_minor, 0),
            min(change.costs_minor, change.back_minor),
        )
        self.expire(now)
        lot = self.wallet.new_lot(
            name,
            credits,
            expires_at=change.period_end,
            amount_minor=total,
            paid=total > 0,
            is_allowance=True,
        )
        self.wallet.come_in(lot, repays=True)
        self.plan.lots.append(lot)
        paid = Payment(lot, total, change.charged_minor, "usd", now, period_end=change.period_end)
        paid.carried_minor = carried
        if carried:
            new = Fraction(change.costs_minor - carried, change.costs_minor)
            paid.carried_credits = max(credits - ceil(after * change.rest * new), 0)
        for to, minor in ((paid, carried), (None, change.back_minor - carried)):
            self.move(minor, now, to)
        self.payments[name] = paid
        self.plan.payments.append(paid)

    def move(self, minor: int, now: datetime, to: Payment | None) -> None:
        """So much of what was paid for the plan has moved: of the last payment first."""
        assert self.plan is not None
        for payment in reversed(self.plan.payments):
            part = min(minor, payment.unmoved_minor)
            if part:
                payment.moves.append(Move(payment, part, now, to))
                minor -= part

    def ends_disputed_plan(self) -> bool:
        """Whether a tick ends the plan with its month: a bank has asked for one of it since the last tick."""
        ends = False
        for payment in self.payments.values():
            dispute = payment.dispute
            if dispute is None or dispute.is_looked_at:
                continue
            dispute.is_looked_at = True
            is_won = not dispute.is_inquiry and not dispute.taken_minor
            if self.plan is not None and not self.plan.is_paused and not is_won:
                ends = ends or any(payment.lot is lot for lot in self.plan.lots)
        return ends

    # The balance at Stripe

    def check_balance(self, now: datetime) -> None:
        """What money has paid for a second time that went back to a card as well is taken back: the first
        bought first, and nothing that was bought before that money came.
        """
        of_balance, of_carried = lost(self.payments.values())
        for name, each in self.payments.items():
            if each.from_balance_minor:
                self.take_back(each, f"balance:{name}", each.balance, of_balance[each], now)
        for name, each in self.payments.items():
            if each.carried_minor:
                part = int(of_carried[each] * each.kept())
                self.take_back(each, f"carried:{name}", each.carried, part, now)

    # Auto top-up

    def expire(self, now: datetime) -> None:
        before = self.wallet.available
        self.wallet.expire(now)
        self.fell("expiry", before)

    def fell(self, why: Fall, before: int) -> None:
        """Credits may have become fewer than they were ``before``."""
        if self.wallet.available < before:
            self.fall(why, before)

    def fall(self, why: Fall, before: int) -> None:
        if self.topup is not None and (self.falls or before >= self.topup.threshold):
            self.falls = [*(self.falls if before < self.topup.threshold else []), why]

    def tick(self, now: datetime) -> None:
        """What is due is written: lots end, holds end, and what the balance has bought is looked at."""
        self.expire(now)
        before = self.wallet.available
        self.wallet.release_late(now)
        self.fell("expiry", before)
        self.check_balance(now)

    def packs_due(self, now: datetime, card: str | None) -> int:
        """How many packs a top-up buys now: 0 where it is not time, or it stops itself."""
        topup = self.topup
        if topup is None or not topup.on or self.wallet.available >= topup.threshold:
            return 0
        credits, _, _, _ = PACKS[topup.pack]
        other_terms = self.prices[topup.pack] > topup.price_minor
        if self.blocked or card is None or other_terms or self.owes_what_came_back():
            topup.on = False
            return 0
        if self.falls and "spend" not in self.falls:
            topup.on = self.wallet.available > 0
            return 0
        spent = sum(minor for at, minor in self.topped_up if (at.year, at.month) == (now.year, now.month))
        missing = topup.threshold - self.wallet.available + self.wallet.debt
        packs = -(-min(missing, topup.threshold) // credits)
        return min(packs, max(0, topup.ceiling_minor - spent) // self.prices[topup.pack])

    def owes_what_came_back(self) -> bool:
        """Whether some of the debt is not of spending, where what was paid of it was the first of it."""
        left = self.wallet.debt
        for why, credits in reversed(self.wallet.debts):
            if left > 0 and why != "spend" and credits:
                return True
            left -= credits
        return False

    def topped(self, name: str, packs: int, now: datetime, in_balance: int) -> Payment:
        assert self.topup is not None
        credits, price, currency, days = self.offer(self.topup.pack)
        credits, price = packs * credits, packs * price
        self.topped_up.append((now, price))
        from_balance = min(in_balance, price)
        return self.bought(name, (credits, price, currency, days), now, from_balance=from_balance)

    # All of it

    def money(self) -> dict[str, int]:
        """What came in by card, and what was sent back to it, by currency."""
        sums: Counter[str] = Counter()
        for payment in self.payments.values():
            sums[f"{payment.currency} charged"] += payment.charged_minor
            sums[f"{payment.currency} refunded"] += payment.refunded_minor
        return {name: minor for name, minor in sums.items() if minor}


def name_is_of_topup(payment: Payment) -> bool:
    return payment.lot.key.startswith("topup")
