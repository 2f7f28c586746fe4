"""All that one app sells, and the offer that a customer gets of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .. import checks
from ..errors import ConfigError, UnknownItem
from ..languages import units
from .items import Pack, Plan
from .quantity import Quantity


@dataclass(frozen=True)
class Offer:
    """What one purchase would give and cost; agreed when the payment row is written."""

    pack: str | None
    title: str
    credits: int
    amount_minor: int
    currency: str
    expires_after: timedelta | None = None


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
