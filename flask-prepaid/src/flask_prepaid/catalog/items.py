"""Packs and plans: what is sold once, and what by the period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, TypeVar

from .. import checks
from ..checks import MAX_CREDITS
from ..errors import ConfigError
from ..languages import units
from .prices import check_currency, check_price

#: The longest period that Stripe bills by, in each interval, and the longest trial in days.
#: https://docs.stripe.com/api/prices/create#create_price-recurring-interval_count
MAX_COUNT = {"day": 1_095, "week": 156, "month": 36, "year": 3}
MAX_TRIAL_DAYS = 730

#: The longest name that Stripe shows of a product, and the shortest time that credits may last.
MAX_NAME = 250
MIN_LASTING = timedelta(seconds=1)


#: How prices in several currencies are written.
EXAMPLE = "{'usd': 500, 'eur': 450}"

#: Stands in place of an amount that ``prices`` says.
BY_PRICES = -1


@dataclass(frozen=True)
class Pack:
    """Credits sold once, at one price, or at one in each of several currencies.

    :param slug: Names the pack in forms and URLs. A new price keeps it; another offer gets another one.
    :param credits: Whole credits that are paid for.
    :param amount_minor: The price in Stripe's smallest unit of ``currency``.
    :param currency: Three small letters, as Stripe has it.
    :param name: What customers read; by default how many credits it gives.
    :param bonus: Whole credits given on top.
    :param expires_after: How long the credits last; ``None`` is for ever.
    :param prices: In place of ``amount_minor`` and ``currency``, the price in each currency that it is sold
        in, such as ``{"usd": 500, "eur": 450}``. The first one is the default.
    :raises ConfigError: One of them is wrong: the message names it, with the cure.
    """

    slug: str
    credits: int
    amount_minor: int = BY_PRICES
    currency: str = "usd"
    name: str | None = None
    bonus: int = 0
    expires_after: timedelta | None = None
    prices: Mapping[str, int] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        here = f"Pack({self.slug!r})"
        checks.slug(f"{here}.slug", self.slug)
        checks.whole(f"{here}.credits", self.credits, min=1, max=MAX_CREDITS)
        checks.whole(f"{here}.bonus", self.bonus, min=0, max=MAX_CREDITS)
        _read_prices(here, self, free=True)
        _check_name(here, self.name)
        if self.expires_after is not None:
            checks.period(f"{here}.expires_after", self.expires_after, min=MIN_LASTING)

    @property
    def title(self) -> str:
        return self.name or units.credits(self.total_credits)

    @property
    def total_credits(self) -> int:
        return self.credits + self.bonus

    def sold_in(self, currency: str | None) -> Pack:
        """The pack at its price in ``currency`` alone, or at its first price where it is not sold in that."""
        return _sold_in(self, currency)


@dataclass(frozen=True)
class Plan:
    """Credits sold by the period. Whoever subscribed keeps the terms of that day, whatever changes here.

    :param slug: Names the plan in forms and URLs. A new price keeps it; another offer gets another one.
    :param credits: Whole credits that each paid period gives; with ``every``, that each month of it gives.
    :param amount_minor: The price of a period in Stripe's smallest unit of ``currency``.
    :param currency: Three small letters, as Stripe has it.
    :param interval: A period is ``interval_count`` of these.
    :param interval_count: How many intervals a period has: 3 months are a quarter.
    :param name: What customers read; by default how many credits it gives, and how often.
    :param every: ``"month"``: a period of years, or of several months, gives its credits month by month. By
        default it gives them at once.
    :param once: Whole credits on top, given at the first payment, once to each owner. They do not lapse.
    :param trial_days: Days before the first payment, once for each owner; 0 is no trial.
    :param trial_credits: Whole credits that a trial gives.
    :param trial_needs_card: Whether a card is left at the trial's start. Without one, the plan is
        paused when the trial ends.
    :param roll_over: So many unused credits move up into the next period; the others lapse.
    :param max_quantity: How many times over the plan may be taken at once.
    :param prices: In place of ``amount_minor`` and ``currency``, the price of a period in each currency that
        it is sold in. Whoever has subscribed stays with theirs.
    :raises ConfigError: One of them is wrong: the message names it, with the cure.
    """

    slug: str
    credits: int
    amount_minor: int = BY_PRICES
    currency: str = "usd"
    interval: Literal["day", "week", "month", "year"] = "month"
    interval_count: int = 1
    every: Literal["month"] | None = None
    once: int = 0
    name: str | None = None
    trial_days: int = 0
    trial_credits: int = 0
    trial_needs_card: bool = True
    roll_over: int = 0
    max_quantity: int = 1
    prices: Mapping[str, int] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        here = f"Plan({self.slug!r})"
        checks.slug(f"{here}.slug", self.slug)
        checks.whole(f"{here}.credits", self.credits, min=1, max=MAX_CREDITS)
        checks.choice(f"{here}.interval", self.interval, MAX_COUNT)
        checks.whole(f"{here}.interval_count", self.interval_count, min=1, max=MAX_COUNT[self.interval])
        self._check_months(here)
        most = MAX_CREDITS // (self.credits * self.parts)
        checks.whole(f"{here}.max_quantity", self.max_quantity, min=1, max=max(most, 1))
        checks.whole(f"{here}.once", self.once, min=0, max=MAX_CREDITS // self.max_quantity)
        _read_prices(here, self, times=self.max_quantity)
        _check_name(here, self.name)
        self._check_trial(here)
        checks.whole(f"{here}.roll_over", self.roll_over, min=0, max=MAX_CREDITS)

    def _check_months(self, here: str) -> None:
        if self.every is None:
            return
        checks.choice(f"{here}.every", self.every, ["month"])
        if self.parts == 1:
            checks.refuse(
                f"{here}.every",
                self.every,
                "A period must be longer than a month: write interval='year', or leave it out.",
            )
        if self.credits * self.parts > MAX_CREDITS:
            checks.refuse(f"{here}.credits", self.credits, f"Write {MAX_CREDITS // self.parts:,} at most.")

    def _check_trial(self, here: str) -> None:
        checks.whole(f"{here}.trial_days", self.trial_days, min=0, max=MAX_TRIAL_DAYS)
        checks.whole(f"{here}.trial_credits", self.trial_credits, min=0, max=MAX_CREDITS // self.max_quantity)
        checks.switch(f"{here}.trial_needs_card", self.trial_needs_card)
        if self.trial_credits and not self.trial_days:
            checks.refuse(f"{here}.trial_credits", self.trial_credits, "Give the plan trial_days, too.")
        if not self.trial_needs_card and not self.trial_days:
            checks.refuse(f"{here}.trial_needs_card", self.trial_needs_card, "Give the plan trial_days, too.")

    @property
    def title(self) -> str:
        return self.name or f"{units.credits(self.credits)} {self.given}"

    def sold_in(self, currency: str | None) -> Plan:
        """The plan at its price in ``currency`` alone, or at its first price where it is not sold in that."""
        return _sold_in(self, currency)

    @property
    def period(self) -> tuple[str, int]:
        """What is paid for at a time: ``("month", 3)``."""
        return self.interval, self.interval_count

    @property
    def parts(self) -> int:
        """In how many parts a period gives its credits: 12 for a year that gives them month by month."""
        months = {"month": 1, "year": 12}.get(self.interval, 0) * self.interval_count
        return max(months, 1) if self.every == "month" else 1

    @property
    def given(self) -> str:
        """How often the credits come: ``a month`` or ``every 3 months``."""
        return "a month" if self.every == "month" else self.billed

    @property
    def billed(self) -> str:
        """How often it is paid: ``a month`` or ``every 3 months``."""
        if self.interval_count == 1:
            return f"a {self.interval}"
        return f"every {self.interval_count} {self.interval}s"


Sold = TypeVar("Sold", Pack, Plan)


def _read_prices(here: str, item: Pack | Plan, *, free: bool = False, times: int = 1) -> None:
    """Check the price, or the prices: then the first of them is the item's amount and currency."""
    if item.prices is None:
        if item.amount_minor == BY_PRICES:
            raise ConfigError(f"{here} has no price. Write amount_minor=500, or prices={EXAMPLE}.")
        check_currency(f"{here}.currency", item.currency)
        check_price(f"{here}.amount_minor", item.amount_minor, item.currency, free=free, times=times)
        return
    prices: Any = item.prices
    if not isinstance(prices, Mapping) or not prices:
        checks.refuse(f"{here}.prices", prices, f"Write prices={EXAMPLE}.")
    for currency, amount in prices.items():
        check_currency(f"A currency of {here}.prices", currency)
        check_price(f"{here}.prices[{currency!r}]", amount, currency, times=times)
    first = next(iter(prices))
    if item.amount_minor not in (BY_PRICES, prices[first]) or item.currency not in ("usd", first):
        raise ConfigError(f"{here} says its price twice. Write amount_minor and currency, or prices alone.")
    object.__setattr__(item, "currency", first)
    object.__setattr__(item, "amount_minor", prices[first])


def _sold_in(item: Sold, currency: str | None) -> Sold:
    """An item at one of its prices alone."""
    if item.prices is None:
        return item
    code = currency if currency in item.prices else item.currency
    assert code is not None, "an item has a currency"
    return replace(item, amount_minor=item.prices[code], currency=code, prices=None)


def _check_name(here: str, name: object) -> None:
    if name is not None:
        checks.text(f"{here}.name", name, max_length=MAX_NAME)
