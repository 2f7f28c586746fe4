"""What is for sale: packs of credits, a free quantity by volume tiers, and plans.

The server alone decides price and credits. What a customer sends names an item
or a quantity, never an amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, TypeVar

from prepaid_ledger import is_whole

from . import checks, money
from .checks import MAX_CREDITS
from .errors import ConfigError, UnknownItem
from .languages import units
from .languages.formats import plain_number
from .languages.words import gettext as _

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


@dataclass(frozen=True)
class PriceTier:
    """The price of a credit, from some number of them on.

    :param from_credits: From so many credits on it holds, for all of them.
    :param unit_minor: What one credit costs, in the smallest unit of the currency.
    :raises ConfigError: One of them is no whole number from 1 on.
    """

    from_credits: int
    unit_minor: int

    def __post_init__(self) -> None:
        here = f"PriceTier({self.from_credits!r}, {self.unit_minor!r})"
        checks.whole(f"{here}.from_credits", self.from_credits, min=1, max=MAX_CREDITS)
        checks.whole(f"{here}.unit_minor", self.unit_minor, min=1, max=10**12)


@dataclass(frozen=True)
class Offer:
    """What one purchase would give and cost; agreed when the payment row is written."""

    pack: str | None
    title: str
    credits: int
    amount_minor: int
    currency: str
    expires_after: timedelta | None = None


@dataclass(frozen=True)
class Quantity:
    """Any whole number of credits, priced by volume: all units at the price of their tier.

    A larger quantity never costs less: where a cheaper tier begins, the total
    stays at what the last quantity before it costs until the tier exceeds it.

    :param tiers: They rise by ``from_credits``, and the first covers ``min_credits``.
    :param currency: Three small letters, as Stripe has it.
    :param min_credits: The smallest quantity. It costs no less than Stripe charges at least.
    :param max_credits: The largest quantity.
    :raises ConfigError: One of them is wrong: the message names it, with the cure.
    """

    tiers: tuple[PriceTier, ...]
    currency: str = "usd"
    min_credits: int = 1
    max_credits: int = 1_000

    def __post_init__(self) -> None:
        here = "Quantity"
        tiers: Any = self.tiers
        if not isinstance(tiers, tuple | list) or not all(isinstance(tier, PriceTier) for tier in tiers):
            checks.refuse(f"{here}.tiers", tiers, "Write a tuple of tiers, such as (PriceTier(1, 100),).")
        object.__setattr__(self, "tiers", tuple(tiers))
        checks.whole(f"{here}.max_credits", self.max_credits, min=1, max=MAX_CREDITS)
        checks.whole(f"{here}.min_credits", self.min_credits, min=1, max=self.max_credits)
        _check_currency(f"{here}.currency", self.currency)
        starts = [tier.from_credits for tier in tiers]
        if not starts or starts[0] > self.min_credits or starts != sorted(set(starts)):
            checks.refuse(
                f"{here}.tiers", tiers, "Let them rise by from_credits, and the first cover min_credits."
            )
        if starts[-1] > self.max_credits:
            cure = f"Write max_credits={starts[-1]} or more, or leave the last tier out."
            raise ConfigError(
                f"{here}.max_credits is {self.max_credits}, and a tier begins at {starts[-1]}. {cure}"
            )
        for tier in tiers:
            _check_coins(f"{here}: a unit_minor", tier.unit_minor, self.currency)
        self._check_ends(here)

    def _check_ends(self, here: str) -> None:
        """A larger quantity never costs less, so the smallest and the largest tell of all."""
        least, most = money.min_charge_minor(self.currency), money.max_charge_minor(self.currency)
        price = self.amount_minor(self.min_credits)
        if price < least:
            enough = self._enough(least)
            cure = f"Write min_credits={enough}." if enough else "Let more be bought, or at a higher price."
            raise ConfigError(
                f"{here}.min_credits is {self.min_credits}: {units.credits(self.min_credits)} would cost "
                f"{money.show(price, self.currency)}, and Stripe charges nothing below "
                f"{money.show(least, self.currency)}. {cure}"
            )
        price = self.amount_minor(self.max_credits)
        if price > most:
            raise ConfigError(
                f"{here}.max_credits is {self.max_credits}: {units.credits(self.max_credits)} would cost "
                f"{money.show(price, self.currency)}, and Stripe charges at most "
                f"{money.show(most, self.currency)}. Write fewer."
            )

    def _enough(self, least_minor: int) -> int | None:
        """The smallest quantity that costs so much; ``None`` if none does."""
        low, high = self.min_credits, self.max_credits
        if self.amount_minor(high) < least_minor:
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.amount_minor(middle) >= least_minor else (middle + 1, high)
        return low

    def amount_minor(self, credits: int) -> int:
        """The price of ``credits`` in the smallest unit of the currency.

        :raises UnknownItem: The quantity is not sold.
        """
        if not is_whole(credits, self.min_credits, self.max_credits):
            raise UnknownItem(
                _(
                    "Choose a whole number of credits from %(min)s to %(max)s.",
                    min=plain_number(self.min_credits),
                    max=plain_number(self.max_credits),
                ),
                field="credits",
            )
        floor = 0
        amount = 0
        for index, tier in enumerate(self.tiers):
            if tier.from_credits > credits:
                break
            amount = max(credits * tier.unit_minor, floor)
            if index + 1 < len(self.tiers):
                last = self.tiers[index + 1].from_credits - 1
                floor = max(last * tier.unit_minor, floor)
        return amount


class Catalog:
    """The packs and plans by slug, and the free quantity if one is sold.

    :raises ConfigError: One of them is none, or two have one slug.
    """

    def __init__(
        self, packs: Iterable[Pack] = (), quantity: Quantity | None = None, plans: Iterable[Plan] = ()
    ) -> None:
        self.packs: dict[str, Pack] = {pack.slug: pack for pack in _all_of("packs", packs, Pack)}
        if quantity is not None and not isinstance(quantity, Quantity):
            checks.refuse("quantity", quantity, "Write Quantity((PriceTier(1, 100),)), or leave it out.")
        self.quantity = quantity
        self.plans: dict[str, Plan] = {plan.slug: plan for plan in _all_of("plans", plans, Plan)}

    @property
    def currency(self) -> str:
        """The currency of the first thing for sale: what a card is saved for."""
        if self.packs:
            return next(iter(self.packs.values())).currency
        return self.quantity.currency if self.quantity else "usd"

    @property
    def currencies(self) -> list[str]:
        """The currencies to choose among, where something is sold in more than one."""
        items: list[Pack | Plan] = [*self.packs.values(), *self.plans.values()]
        return list(dict.fromkeys(code for item in items if item.prices for code in item.prices))

    def offer(
        self, *, pack: str | None = None, credits: int | None = None, currency: str | None = None
    ) -> Offer:
        """The offer of a ``pack``, or of a number of ``credits``, one of the two.

        :param currency: What a pack is paid in, where it is sold in that; else in its first one.
        :raises UnknownItem: Neither or both are named, or the one named is not sold.
        """
        if pack is not None and credits is None:
            return self._pack(pack, currency)
        if credits is not None and pack is None:
            return self._quantity(credits)
        raise UnknownItem("Choose a pack or a number of credits, one of the two.", field="pack")

    def plan(self, slug: str) -> Plan:
        """
        :raises UnknownItem: There is no such plan.
        """
        try:
            return self.plans[slug]
        except (KeyError, TypeError):
            raise UnknownItem("There is no such plan. Choose one from the list.", field="plan") from None

    def _pack(self, slug: str, currency: str | None) -> Offer:
        try:
            pack = self.packs[slug].sold_in(currency)
        except (KeyError, TypeError):
            raise UnknownItem("There is no such pack. Choose one from the list.", field="pack") from None
        return Offer(
            pack.slug, pack.title, pack.total_credits, pack.amount_minor, pack.currency, pack.expires_after
        )

    def _quantity(self, credits: int) -> Offer:
        if self.quantity is None:
            raise UnknownItem("Credits are sold in packs only.", field="credits")
        amount = self.quantity.amount_minor(credits)
        title = units.credits(credits)
        return Offer(None, title, credits, amount, self.quantity.currency)


def _all_of(name: str, items: Iterable[Any], kind: type[Any]) -> list[Any]:
    """
    :raises ConfigError: They are no list of this kind, or two of them have one slug.
    """
    if isinstance(items, str | kind) or not isinstance(items, Iterable):
        checks.refuse(name, items, f"Write a list: {name}=[{kind.__name__}(...)].")
    listed = list(items)
    for item in listed:
        if not isinstance(item, kind):
            checks.refuse(f"One of {name}", item, f"Write {kind.__name__}(...) there.")
    slugs = [item.slug for item in listed]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise ConfigError(f"Two {name} have the slug {slug!r}. Give each a slug of its own.")
    return listed


def _read_prices(here: str, item: Pack | Plan, *, free: bool = False, times: int = 1) -> None:
    """Check the price, or the prices: then the first of them is the item's amount and currency."""
    if item.prices is None:
        if item.amount_minor == BY_PRICES:
            raise ConfigError(f"{here} has no price. Write amount_minor=500, or prices={EXAMPLE}.")
        _check_currency(f"{here}.currency", item.currency)
        _check_price(f"{here}.amount_minor", item.amount_minor, item.currency, free=free, times=times)
        return
    prices: Any = item.prices
    if not isinstance(prices, Mapping) or not prices:
        checks.refuse(f"{here}.prices", prices, f"Write prices={EXAMPLE}.")
    for currency, amount in prices.items():
        _check_currency(f"A currency of {here}.prices", currency)
        _check_price(f"{here}.prices[{currency!r}]", amount, currency, times=times)
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


def _check_currency(where: str, currency: object) -> None:
    if not isinstance(currency, str) or currency not in money.CURRENCIES:
        code = str(currency).lower()
        near = checks.did_you_mean(code, money.CURRENCIES) if len(code) < 6 else ""  # a word is near to any
        checks.refuse(where, currency, f"{near}Write a code of three small letters, such as 'usd'.")


def _check_price(where: str, amount: object, currency: str, *, free: bool = False, times: int = 1) -> None:
    """An amount that Stripe charges.

    :param free: Whether it may be 0.
    :param times: How many times over it may be charged at once.
    """
    least, most = money.min_charge_minor(currency), money.max_charge_minor(currency) // times
    number = checks.whole(
        where,
        amount,
        min=0 if free else 1,
        max=most,
        hint=f"It is in the smallest unit: {1234 * money.step(currency)} is "
        f"{money.show(1234 * money.step(currency), currency)}.",
    )
    _check_coins(where, number, currency)
    if number < least and not (free and number == 0):
        raise ConfigError(
            f"{where} is {number}, {money.show(number, currency)}. Stripe charges nothing below "
            f"{money.show(least, currency)}: write {least} or more. It is in the smallest unit."
        )


def _check_coins(where: str, amount: int, currency: str) -> None:
    try:
        money.check(amount, currency)
    except ValueError as too_fine:
        raise ConfigError(f"{where} is {amount}. {too_fine}.") from None


def _check_name(here: str, name: object) -> None:
    if name is not None:
        checks.text(f"{here}.name", name, max_length=MAX_NAME)
