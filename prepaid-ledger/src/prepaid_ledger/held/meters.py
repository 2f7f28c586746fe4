"""Meters: credits are held step by step while something is delivered, and what was delivered is charged.

A meter's hold grows by a step before it runs out, and each time what was counted until then is written down.
So a worker that is killed leaves what it has delivered, to within a step. It is captured when the time of the
hold is over.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol, Self, TypeVar

from ..books.extensions import Progress
from ..books.wallets.uses import Use
from ..checks import check_credits, check_held_for, is_whole
from ..clock import Clock
from ..database.types import Quantities
from ..errors import BudgetExceeded, Busy, HoldClosed, InsufficientCredits, PrepaidError
from ..prices import Rates
from ..tables import Hold

log = logging.getLogger(__name__)

#: How long a stream waits for a database that is away, before it breaks.
PATIENCE_S = 10.0

#: Between two tries of that, at first and at most.
PAUSE_S = 0.05
MAX_PAUSE_S = 1.0

Result = TypeVar("Result")


class KeepsMeters(Protocol):
    """What a meter needs of its ledger."""

    def _open_metered(
        self, owner: str, credits: int, *, key: str, use: Use, expires_after: timedelta, meter: str
    ) -> Hold: ...

    def _extend_metered(
        self, owner: str, *, key: str, credits: int, until: datetime, progress: Progress
    ) -> Hold: ...

    def capture(
        self, owner: str, *, key: str, credits: int | None = None, quantity: Quantities | None = None
    ) -> Hold: ...


@dataclass(frozen=True)
class MeterTerms:
    """Whose credits a meter takes, for what, and in which steps.

    :raises ValueError: One of them is none that a meter can have; the message names it.
    """

    owner: str
    key: str
    spender: str | None
    item: str | None
    step: int
    rates: Rates | None
    lasts: timedelta
    clock: Clock

    def __post_init__(self) -> None:
        if not is_whole(self.step, 1):
            raise ValueError(f"step is a whole number of credits from 1 on, not {self.step!r}")
        check_credits(self.step)
        check_held_for("expires_after", self.lasts)
        if self.rates is not None and not isinstance(self.rates, Rates):
            raise ValueError(f"rates are a price list, Rates({{...}}, version=...), not {self.rates!r:.80}")
        if self.rates is not None and (self.item is None or self.item not in self.rates):
            cure = "give the meter an item" if self.item is None else "take one that is"
            raise ValueError(
                f"item {self.item!r} is not in version {self.rates.version!r} of the rates: {cure}, "
                f"such as {self.rates.example!r}"
            )

    @property
    def use(self) -> Use:
        version = None if self.rates is None else self.rates.version
        return Use(self.spender, self.item, price_version=version)


class Meter:
    """Counts what is delivered, and takes as many credits in the end, however it ends.

    Use it as a ``with`` block, or call ``end``. Credits are held from the start, so that a refusal comes
    before anything is delivered. One thread counts.

    ``held`` is how many credits it holds, ``charged`` what was taken in the end; ``None`` before that, and
    where the database stayed away.
    """

    def __init__(self, ledger: KeepsMeters, terms: MeterTerms) -> None:
        self._ledger = ledger
        self._terms = terms
        self._name = secrets.token_hex(8)
        self._so_far = Progress(0)
        self._writing = Lock()
        self.owner = terms.owner
        self.key = terms.key
        self.held = _as_far_as_it_goes(self._open, 0, terms.step, needed=1)
        self.charged: int | None = None
        self._has_ended = False
        self._written_at = terms.clock()

    @property
    def counted(self) -> int:
        """What the deliveries so far cost, in credits."""
        return self._so_far.counted

    def count(self, n: int | None = None, /, **units: int) -> None:
        """Count so much more, and call it before that is delivered. Credits for it are held when it returns.

        A database that is away is waited for, up to 10 seconds.

        :param n: How much; 1 by default. Credits, or what the meter's rates have a price for.
        :param units: With rates, how much of each unit of the item: ``count(output=1)``.
        :raises InsufficientCredits: Fewer are available than it takes. What was counted before stays counted.
        :raises BudgetExceeded: A budget has fewer left.
        :raises WalletBlocked: The wallet owes credits by now.
        :raises HoldClosed: It has ended, or nobody counted for so long that its time was over.
        :raises Busy: The database did not come back.
        :raises ValueError: It is no whole number from 0 on, or a unit that has no rate.
        """
        while self.must_write(after := self.after(n, units)):
            self.write(after)
        self.took(after)

    def after(self, n: int | None, units: Mapping[str, int]) -> Progress:
        """What is counted once so much more is.

        :raises ValueError: It is nothing that can be counted.
        """
        n = 1 if n is None and not units else n
        if n is not None and not is_whole(n, 0):
            raise ValueError(f"what is counted is a whole number from 0 on, not {n!r}")
        terms, before = self._terms, self._so_far
        if terms.rates is None or terms.item is None:
            if n is None or units:
                raise ValueError(f"units need rates: give the meter rates to count {', '.join(units)}")
            return Progress(before.counted + n)
        quantity = _more(before.quantity, n, units)
        return Progress(terms.rates.price(terms.item, quantity).credits, quantity)

    def must_write(self, after: Progress) -> bool:
        """Whether the hold has to grow for it, half of its time is over, or it has ended: that is refused."""
        if self._has_ended:
            return True
        return after.counted > self.held or self._terms.clock() - self._written_at > self._terms.lasts / 2

    def write(self, after: Progress) -> None:
        """Let the hold grow as far as ``after`` needs, by a step at least, and write down what is counted.

        :raises PrepaidError: The hold can't grow so far, or has ended.
        """
        with self._writing:
            if self._has_ended:
                raise HoldClosed(f"{self.key!r} has ended")
            step = self._terms.step if after.counted > self.held else 0
            wanted = max(after.counted, self.held + step)
            self.held = _as_far_as_it_goes(self._extend, self.held, wanted, needed=after.counted)
            self._written_at = self._terms.clock()

    def took(self, after: Progress) -> None:
        """Count what is written by now."""
        self._so_far = after

    def end(self) -> None:
        """Take what was counted, and give the rest back. Ended before, it does nothing.

        Where the database stays away, what was written down last is taken when the hold's time is over.
        """
        with self._writing:
            if self._has_ended:
                return
            self._has_ended = True
            so_far = self._so_far
            try:
                held = _patiently(
                    lambda: self._ledger.capture(
                        self.owner, key=self.key, credits=so_far.counted, quantity=so_far.quantity
                    )
                )
                self.charged = held.captured
            except PrepaidError as error:  # what it was for is delivered: nobody is helped by an error here
                log.error("%r has counted %s credits, not captured: %s", self.key, so_far.counted, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.end()

    def _open(self, credits: int) -> Hold:
        terms = self._terms
        return self._ledger._open_metered(
            terms.owner,
            credits,
            key=terms.key,
            use=terms.use,
            expires_after=terms.lasts,
            meter=self._name,
        )

    def _extend(self, credits: int) -> Hold:
        terms = self._terms
        until = terms.clock() + terms.lasts
        return _patiently(
            lambda: self._ledger._extend_metered(
                terms.owner, key=terms.key, credits=credits, until=until, progress=self._so_far
            )
        )


def _more(before: Quantities | None, n: int | None, units: Mapping[str, int]) -> Quantities:
    """What was counted, and so much more. ``Rates.price`` refuses what is neither one number nor units."""
    if n is not None:
        if units or isinstance(before, Mapping):
            raise ValueError("what is counted is one number, or so much of each unit, not both")
        return (before or 0) + n
    if isinstance(before, int):
        raise ValueError("what is counted is one number, or so much of each unit, not both")
    total = Counter(before or {})
    for unit, more in units.items():
        if not is_whole(more, 0):
            raise ValueError(f"what is counted of {unit} is a whole number from 0 on, not {more!r}")
        total[unit] += more
    return dict(total)


def _as_far_as_it_goes(write: Callable[[int], Hold], held: int, wanted: int, *, needed: int) -> int:
    """Hold as many credits as are wanted, or as there are, if those are the needed ones; how many it holds.

    :param held: How many it holds before.
    :raises PrepaidError: There are fewer than needed.
    """
    while True:
        try:
            return write(wanted).credits
        except (InsufficientCredits, BudgetExceeded) as refusal:
            left = refusal.available if isinstance(refusal, InsufficientCredits) else refusal.left
            fewer = max(held + left, needed)
            if fewer >= wanted:
                raise
            wanted = fewer


def _patiently(write: Callable[[], Result]) -> Result:
    """Wait for a database that is away. Repeats are harmless: totals are absolute, and a capture is keyed.

    :raises Busy: It did not come back.
    """
    pause, until = PAUSE_S, time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except Busy:
            if time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, MAX_PAUSE_S)
