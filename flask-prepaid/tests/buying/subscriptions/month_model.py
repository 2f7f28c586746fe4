"""What a plan that drips has to give: a model that knows no table and no rule of the product.

It reads Stripe's invoices as an accountant would: a line buys so many credits a month for its time, a month
that it covers in part by the part that it covers. Money that goes back takes the last months first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

#: From and until when, in Unix seconds.
Span = tuple[int, int]


@dataclass
class BilledTime:
    """A line of an invoice, as Stripe has it: what it costs, and of which plan it pays how much time."""

    plan: str
    quantity: int
    net_minor: int
    is_part: bool
    start: int
    end: int


@dataclass(frozen=True)
class Terms:
    """What a plan gives: so many credits in each of its parts."""

    credits: int
    parts: int


@dataclass
class Month:
    """A month of an invoice: what it is to bring, and for which money."""

    span: Span
    credits: int
    minor: int = 0
    cut: int = 0
    back_minor: int = 0
    came: int | None = None

    @property
    def left(self) -> int:
        return self.credits - self.cut

    @property
    def left_minor(self) -> int:
        """What was cut has taken its part of the money along."""
        return self.minor * self.left // self.credits

    @property
    def is_paid_back(self) -> bool:
        return 0 < self.left_minor <= self.back_minor


@dataclass
class Bill:
    """A paid invoice: its months, the first of which it gives at once. ``back_minor`` went back of it."""

    id: str
    own: int
    months: list[Month] = field(default_factory=list)
    total_minor: int = 0
    back_minor: int = 0

    def count_back(self) -> None:
        """What went back is the money of the last months first."""
        minor = self.back_minor
        for month in reversed(self.months):
            month.back_minor = min(minor, month.left_minor)
            minor -= month.back_minor


class Books:
    """All that one subscription has given, and is to give."""

    def __init__(self, terms: dict[str, Terms]) -> None:
        self.terms = terms
        self.bills: list[Bill] = []
        self.periods: set[Span] = set()
        self.taken = 0

    def pay(self, bill_id: str, total_minor: int, lines: list[BilledTime], now: int) -> None:
        """An invoice is paid."""
        at_once, later = Fraction(0), defaultdict[Span, Fraction](Fraction)
        self.periods |= {(line.start, line.end) for line in lines if not line.is_part and line.net_minor}
        for line in lines:
            if not line.net_minor:
                continue
            months = self.months_of(line)
            sign = 1 if line.net_minor > 0 else -1
            for number, month in enumerate(months):
                covered = Fraction(month[1] - max(month[0], line.start), month[1] - month[0])
                credits = sign * covered * self.terms[line.plan].credits * line.quantity
                if number:
                    later[month] += credits
                else:
                    at_once += credits
        bill = Bill(bill_id, max(int(at_once), 0), total_minor=max(total_minor, 0))
        bill.months = [Month(span, int(credits)) for span, credits in sorted(later.items()) if credits >= 1]
        self._price(bill)
        for span, credits in sorted(later.items()):
            if credits <= -1:
                self._cut(span, -int(credits))
        for each in self.bills:
            each.count_back()
        self.taken += max(-int(at_once), 0)
        if bill.own or bill.months:
            self.bills.append(bill)
        self.tick(now)

    def months_of(self, line: BilledTime) -> list[Span]:
        """The months that a line pays for, the first perhaps in part."""
        period = (line.start, line.end)
        if line.is_part:
            (period,) = [span for span in self.periods if span[0] <= line.start and span[1] == line.end]
        parts = self.terms[line.plan].parts
        if parts == 1:
            return [period]
        begins = [day_after_months(period[0], number) for number in range(parts)]
        spans = zip(begins, [*begins[1:], period[1]], strict=True)
        return [span for span in spans if span[1] > line.start]

    def _price(self, bill: Bill) -> None:
        """The money of each month, so that they add up."""
        total = bill.own + sum(month.credits for month in bill.months)
        counted = bill.own
        for month in bill.months:
            before = bill.total_minor * counted // total
            counted += month.credits
            month.minor = bill.total_minor * counted // total - before

    def _cut(self, span: Span, credits: int) -> None:
        """Of the invoice that was paid last first, and not what was refunded of it, but for the first one."""
        months = [
            month
            for bill in reversed(self.bills)
            for month in bill.months
            if month.span == span and month.came is None
        ]
        for month in months:
            there = Fraction(month.left)
            if month is not months[-1] and month.left_minor:
                there *= 1 - Fraction(month.back_minor, month.left_minor)
            part = min(credits, int(there))
            month.cut, credits = month.cut + part, credits - part
        self.taken += credits

    def tick(self, now: int) -> None:
        """Months that have begun come, unless all their money went back."""
        for bill in self.bills:
            for month in bill.months:
                if month.came is None and month.span[0] <= now and not month.is_paid_back:
                    month.came = month.credits - month.cut

    def refund(self, bill_id: str, minor: int) -> None:
        """Money goes back: that of the last months first, and what is left of it from the first one."""
        (bill,) = [bill for bill in self.bills if bill.id == bill_id]
        bill.back_minor += minor
        bill.count_back()

    def came(self) -> dict[tuple[str, int], int]:
        """What has come, by invoice and number of its month."""
        own = {(bill.id, 1): bill.own for bill in self.bills if bill.own}
        months = {
            (bill.id, number): month.came
            for bill in self.bills
            for number, month in enumerate(bill.months, 2)
            if month.came
        }
        return own | months


def day_after_months(start: int, months: int) -> int:
    """The same day so many months later, or the last one that its month has: found day by day."""
    begun = datetime.fromtimestamp(start, UTC)
    day, left = begun.date(), months
    while left:
        day += timedelta(days=1)
        left -= day.day == 1
    while months and day.day < begun.day and (day + timedelta(days=1)).month == day.month:
        day += timedelta(days=1)
    return int(datetime.combine(date(day.year, day.month, day.day), begun.time(), UTC).timestamp())
