"""What an invoice of a plan gives: a pure rule.

**The rule.** Credits follow the lines of a paid invoice. A whole period gives the plan's
credits; a part of one gives its share to the second, and takes it where the line gives money
back. What is left over of a credit is dropped. So an upgrade gives ``floor(difference * rest / period)``, a
preview knows it beforehand, and a change made in Stripe's dashboard gives the same. A line that
costs nothing, as in a trial, gives nothing. Of a plan that gives month by month the rule holds for each
month: the one that has begun is given now, those to come when they begin (``plan_months.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from math import ceil

from ...gateway.billing.invoice_values import InvoiceLine
from ..models import PlanPrice
from .calendar_months import Window, windows


@dataclass(frozen=True)
class OtherMonth:
    """Credits that an invoice gives in a later month than its own.

    Where they are negative, it takes them from a later month, or from one that is over.
    """

    window: Window
    credits: int


@dataclass(frozen=True)
class CarriedMoney:
    """Money of earlier invoices that an invoice gives back, and that pays for its other lines at once.

    ``credits`` of what the invoice gives are those that no new money has paid for.
    """

    minor: int
    credits: int


@dataclass(frozen=True)
class Worth:
    """What an invoice gives.

    ``ends`` is when its period does, in Unix seconds. ``replaces``: a new period begins, and what
    is left of the last one's credits lapses or rolls over, up to ``roll_over``. ``per_period`` is what a
    whole period gives from then on, or each month of it where it gives them month by month. ``others`` is
    what comes in months that begin after the invoice's own time, or goes in those and in times that are
    over, and ``since`` when the period, or the month, began of which it gives or takes a part.
    ``carried`` is what money of earlier invoices, that this one gives back, has paid of it.
    """

    credits: int
    ends: int
    replaces: bool
    roll_over: int
    per_period: int
    others: tuple[OtherMonth, ...] = ()
    since: int = field(default=0, compare=False)
    carried: CarriedMoney | None = field(default=None, compare=False)

    @property
    def later(self) -> list[OtherMonth]:
        """What it gives in months to come."""
        return [month for month in self.others if month.credits > 0]

    @property
    def given(self) -> int:
        """What it gives, now and later; what it takes is no part."""
        return max(self.credits, 0) + sum(month.credits for month in self.later)

    def credited(self, part: Fraction) -> Worth:
        """What is left of what it gives, where a credit note has left a ``part`` of its money."""
        others = [
            replace(month, credits=int(month.credits * part)) if month.credits > 0 else month
            for month in self.others
        ]
        left = self.credits if self.credits < 0 else int(self.credits * part)
        carried = self.carried and replace(self.carried, credits=int(self.carried.credits * part))
        others = [month for month in others if month.credits]
        return replace(self, credits=left, others=tuple(others), carried=carried)


class NotOurs(Exception):
    """An invoice bills for something whose credits are not known here."""


@dataclass(frozen=True)
class Known:
    """What has to be known of a plan to read its invoices.

    ``period_at`` finds the whole period that has a moment in it and ends at another one. ``rate_in`` is what
    a whole period has given by the last invoice in one. ``anchor_at``: on whose day of the month periods
    begin.
    """

    prices: Mapping[str, PlanPrice]
    period_at: Callable[[int, int], Window | None]
    rate_in: Callable[[Window], int]
    anchor_at: datetime | None = None


def worth(lines: Iterable[InvoiceLine], known: Known) -> Worth:
    """What an invoice with these lines gives, by the rule above.

    :raises NotOurs: A line is for a plan that we don't know, or for part of a period that we don't.
    """
    lines = list(lines)
    counted = sorted((line for line in lines if line.is_of_plan and line.counts), key=lambda line: line.start)
    count = Count(known, counted)
    for line, price in _priced(counted, known.prices):
        count.add(line, price)
    due = count.worth()
    return replace(due, carried=_carried(lines, due.given, count.bought))


def _carried(lines: Sequence[InvoiceLine], given: int, bought: Fraction) -> CarriedMoney | None:
    """What of the credits given was paid by the money that lines give back.

    Each line that costs something is paid by that money and by new money in the same proportion. What new
    money has ``bought`` of such lines was not carried.
    """
    costs = sum(line.with_tax_minor for line in lines if line.with_tax_minor > 0)
    back = -sum(line.with_tax_minor for line in lines if line.with_tax_minor < 0 and line.gives_back)
    minor = min(costs, back)
    if not minor:
        return None
    return CarriedMoney(minor, max(given - ceil(bought * Fraction(costs - minor, costs)), 0))


def _priced(
    lines: Sequence[InvoiceLine], prices: Mapping[str, PlanPrice]
) -> Iterator[tuple[InvoiceLine, PlanPrice]]:
    """Each line with its price's terms, but for an item that the dashboard has put beside the plan.

    :raises NotOurs: A line is for a plan that we don't know.
    """
    ours = {line.item_id for line in lines if line.price_id in prices}
    for line in lines:
        price = prices.get(line.price_id or "")
        if price is not None:
            yield line, price
        elif not ours or line.item_id in {None, *ours}:
            raise NotOurs(f"price {line.price_id}")


class Count:
    """Counts an invoice's credits line by line, the earliest first."""

    def __init__(self, known: Known, lines: Iterable[InvoiceLine]) -> None:
        self._known = known
        self._given_back = {(line.start, line.end) for line in lines if line.gives_back}
        self._rates: dict[Window, int] = {}
        self._now: defaultdict[Window, Fraction] = defaultdict(Fraction)
        self._other: defaultdict[Window, Fraction] = defaultdict(Fraction)
        self._begins: int | None = None
        self._taken_back_until = 0
        self._ends = self._since = self._roll_over = self._per_period = 0
        #: What its lines give, without what they take.
        self.bought = Fraction(0)

    def add(self, line: InvoiceLine, price: PlanPrice) -> None:
        """
        :raises NotOurs: It is for part of a period that we don't know.
        """
        whole = self._known.period_at(line.start, line.end) if line.is_part else (line.start, line.end)
        if whole is None:
            raise NotOurs(f"a part of a period until {line.end}")
        credits = price.credits * line.quantity
        if not line.gives_back:
            self._per_period = credits
        if line.is_part:
            given = self._of_part(line, whole, credits)
        else:
            given = credits * min(
                Fraction(line.amount_minor, price.amount_minor * line.quantity), Fraction(1)
            )
            self._begins, self._roll_over = line.start, price.roll_over * line.quantity
        months = windows(whole, price.parts, self._known.anchor_at)
        self._spread(line, [month for month in months if month[1] > line.start], given)
        if line.gives_back:
            self._taken_back_until = max(self._taken_back_until, line.end)

    def _of_part(self, line: InvoiceLine, whole: Window, credits: int) -> Fraction:
        """What the whole period would give of which the line is a part.

        Stripe gives nothing back for what was free, so it has no line: the rest of such a period is taken
        where a line takes its place without one that gives it back.
        """
        if line.gives_back:
            return Fraction(-credits)
        if (line.start, line.end) in self._given_back:
            return Fraction(credits)
        free = self._rates[whole] if whole in self._rates else self._known.rate_in(whole)
        self._rates[whole] = credits
        return Fraction(credits - free)

    def _spread(self, line: InvoiceLine, months: Sequence[Window], credits: Fraction) -> None:
        """Give its share of the month in which the line begins, and all of each later one."""
        (start, end), *later = months
        share = Fraction(end - max(start, line.start), end - start)
        self._now[start, end] += credits * share
        for month in later:
            self._other[month] += credits
        if credits > 0:
            self.bought += credits * (share + len(later))
        self._ends, self._since = max(self._ends, end), min(self._since or start, start)

    def worth(self) -> Worth:
        """What all lines give together."""
        if self._begins is not None:
            self._take_apart(self._begins)
        months = ((window, int(self._other[window])) for window in sorted(self._other))
        return Worth(
            credits=int(sum(self._now.values())),
            ends=self._ends,
            # A period that is given up in the middle was counted to the second: its credits stay as they are.
            replaces=self._begins is not None and self._taken_back_until <= self._begins,
            roll_over=self._roll_over,
            per_period=self._per_period,
            others=tuple(OtherMonth(window, credits) for window, credits in months if credits),
            since=self._since,
        )

    def _take_apart(self, begins: int) -> None:
        """Take what goes of a time that is over from the credits of that time, not from what comes now."""
        over = [window for window, credits in self._now.items() if window[1] <= begins and credits < 0]
        for window in over:
            self._other[window] += self._now.pop(window)


def whole_period(lines: Iterable[InvoiceLine]) -> Window | None:
    """The period that an invoice bills as a whole, also where a trial or a discount made it cost nothing."""
    whole = [line for line in lines if line.is_of_plan and not line.is_part]
    return (whole[-1].start, whole[-1].end) if whole else None
