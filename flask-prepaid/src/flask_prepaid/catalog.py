"""What is for sale: packs of credits, a free quantity by volume tiers, and plans.

The server alone decides price and credits. What a customer sends names an item
or a quantity, never an amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from . import money
from .errors import UnknownItem


@dataclass(frozen=True)
class Pack:
    """Credits sold once, at one price.

    :param slug: Names the pack in forms and URLs. Never reuse one for another offer.
    :param credits: Whole credits that are paid for.
    :param amount_minor: The price in Stripe's smallest unit of ``currency``.
    :param bonus: Whole credits given on top.
    :param expires_after: How long the credits last; ``None`` is for ever.
    """

    slug: str
    credits: int
    amount_minor: int
    currency: str = "usd"
    name: str | None = None
    bonus: int = 0
    expires_after: timedelta | None = None

    def __post_init__(self) -> None:
        if self.credits < 1 or self.bonus < 0 or self.amount_minor < 0:
            raise ValueError(f"pack {self.slug!r}: credits from 1, bonus and amount_minor from 0")
        money.check(self.amount_minor, self.currency)

    @property
    def title(self) -> str:
        return self.name or f"{self.total_credits:,} credits"

    @property
    def total_credits(self) -> int:
        return self.credits + self.bonus


@dataclass(frozen=True)
class Plan:
    """Credits sold by the period. Whoever subscribed keeps the terms of that day, whatever changes here.

    :param slug: Names the plan in forms and URLs. Never reuse one for another offer.
    :param credits: Whole credits that each paid period gives.
    :param amount_minor: The price of a period in Stripe's smallest unit of ``currency``.
    :param interval: A period is ``interval_count`` of these.
    :param trial_days: Days before the first payment, once for each owner; 0 is no trial.
    :param trial_credits: Whole credits that a trial gives.
    :param trial_needs_card: Whether a card is left at the trial's start. Without one, the plan is
        paused when the trial ends.
    :param roll_over: So many unused credits move up into the next period; the others lapse.
    :param max_quantity: How many times over the plan may be taken at once.
    """

    slug: str
    credits: int
    amount_minor: int
    currency: str = "usd"
    interval: Literal["day", "week", "month", "year"] = "month"
    interval_count: int = 1
    name: str | None = None
    trial_days: int = 0
    trial_credits: int = 0
    trial_needs_card: bool = True
    roll_over: int = 0
    max_quantity: int = 1

    def __post_init__(self) -> None:
        if min(self.credits, self.amount_minor, self.interval_count, self.max_quantity) < 1:
            raise ValueError(
                f"plan {self.slug!r}: credits, amount_minor, interval_count and max_quantity from 1"
            )
        if min(self.trial_days, self.trial_credits, self.roll_over) < 0:
            raise ValueError(f"plan {self.slug!r}: trial_days, trial_credits and roll_over from 0")
        if self.trial_credits and not self.trial_days:
            raise ValueError(f"plan {self.slug!r}: trial_credits need trial_days")
        money.check(self.amount_minor, self.currency)

    @property
    def title(self) -> str:
        return self.name or f"{self.credits:,} credits {self.every}"

    @property
    def period(self) -> tuple[str, int]:
        """What is paid for at a time: ``("month", 3)``."""
        return self.interval, self.interval_count

    @property
    def every(self) -> str:
        """``a month`` or ``every 3 months``."""
        if self.interval_count == 1:
            return f"a {self.interval}"
        return f"every {self.interval_count} {self.interval}s"


@dataclass(frozen=True)
class PriceTier:
    """From ``from_credits`` on, every credit costs ``unit_minor``."""

    from_credits: int
    unit_minor: int


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
    """

    tiers: tuple[PriceTier, ...]
    currency: str = "usd"
    min_credits: int = 1
    max_credits: int = 1_000

    def __post_init__(self) -> None:
        starts = [tier.from_credits for tier in self.tiers]
        if not starts or starts[0] > self.min_credits or starts != sorted(set(starts)):
            raise ValueError("price tiers rise by from_credits, and the first covers min_credits")
        for tier in self.tiers:
            money.check(tier.unit_minor, self.currency)

    def amount_minor(self, credits: int) -> int:
        """The price of ``credits`` in the smallest unit of the currency.

        :raises UnknownItem: The quantity is not sold.
        """
        if not self.min_credits <= credits <= self.max_credits:
            raise UnknownItem(
                f"Choose a whole number of credits from {self.min_credits:,} to {self.max_credits:,}.",
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

    def least_charged(self, min_minor: int) -> int | None:
        """The smallest quantity that costs so much at least; ``None`` if none does.

        The total never falls as the quantity rises, so it is found by halving.
        """
        low, high = self.min_credits, self.max_credits
        if self.amount_minor(high) < min_minor:
            return None
        while low < high:
            middle = (low + high) // 2
            if self.amount_minor(middle) < min_minor:
                low = middle + 1
            else:
                high = middle
        return low


class Catalog:
    """The packs and plans by slug, and the free quantity if one is sold."""

    def __init__(
        self, packs: Iterable[Pack] = (), quantity: Quantity | None = None, plans: Iterable[Plan] = ()
    ) -> None:
        self.packs = {pack.slug: pack for pack in packs}
        self.quantity = quantity
        self.plans = {plan.slug: plan for plan in plans}

    @property
    def currency(self) -> str:
        """The currency of the first thing for sale: what a card is saved for."""
        if self.packs:
            return next(iter(self.packs.values())).currency
        return self.quantity.currency if self.quantity else "usd"

    def offer(self, *, pack: str | None = None, credits: int | None = None) -> Offer:
        """The offer of a ``pack``, or of a number of ``credits``, one of the two.

        :raises UnknownItem: Neither or both are named, or the one named is not sold.
        """
        if pack is not None and credits is None:
            return self._pack(pack)
        if credits is not None and pack is None:
            return self._quantity(credits)
        raise UnknownItem("Choose a pack or a number of credits, one of the two.", field="pack")

    def plan(self, slug: str) -> Plan:
        """
        :raises UnknownItem: There is no such plan.
        """
        try:
            return self.plans[slug]
        except KeyError:
            raise UnknownItem("There is no such plan. Choose one from the list.", field="plan") from None

    def _pack(self, slug: str) -> Offer:
        try:
            pack = self.packs[slug]
        except KeyError:
            raise UnknownItem("There is no such pack. Choose one from the list.", field="pack") from None
        return Offer(
            pack.slug, pack.title, pack.total_credits, pack.amount_minor, pack.currency, pack.expires_after
        )

    def _quantity(self, credits: int) -> Offer:
        if self.quantity is None:
            raise UnknownItem("Credits are sold in packs only.", field="credits")
        amount = self.quantity.amount_minor(credits)
        title = f"{credits:,} credit{'s' if credits != 1 else ''}"
        return Offer(None, title, credits, amount, self.quantity.currency)
