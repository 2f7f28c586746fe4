"""A price list: how many credits a use costs, exactly, and rounded once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from types import MappingProxyType

from .books.wallets.uses import MAX_NAME, MAX_VERSION, check_name, check_quantity
from .checks import MAX_CREDITS, check_whole
from .database.types import Quantities

#: A rate as one writes it: no sign, no exponent.
RATE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")

#: The most decimals that a credit is shown with.
MAX_SCALE = 9

#: The name under which the only rate of an item is kept, for a quantity that is one number.
ALL = ""


@dataclass(frozen=True)
class PriceLine:
    """What one unit adds to a price: so many, at ``rate`` credits for each ``per`` of them.

    ``unit`` is ``input`` or ``output``; ``None`` where the item has one rate. Nothing is rounded here.
    """

    unit: str | None
    quantity: int
    rate: Decimal
    per: int

    @property
    def credits(self) -> Fraction:
        """What the line costs, exactly, in credits as they are shown."""
        return Fraction(self.rate) * self.quantity / self.per


@dataclass(frozen=True)
class Price:
    """What a use costs, by one version of a price list. ``Rates.price`` makes it.

    ``credits`` is the sum of ``lines``, rounded up once, in whole numbers of the ledger. ``item``,
    ``quantity`` and ``version`` stand on the entry, so that the price can be worked out again from them.
    ``scale`` is that of the rates.
    """

    credits: int
    lines: tuple[PriceLine, ...]
    version: str
    item: str
    quantity: Quantities
    scale: int = 0


class Rates:
    """One version of a price list. It never changes: for other rates make another, with another version.

    :param items: The rate of each item, as a text: ``{"report": "3"}``; or one for each unit of it:
        ``{"gpt-x": {"input": "0.25", "output": "1"}}``. ``Decimal`` and whole numbers will do, too.
    :param per: For how many units a rate is: 1000 for a rate by the thousand.
    :param version: Names this list on each entry: ``2026-11``, up to 32 characters.
    :param scale: With how many decimals credits are shown. Rates are in credits as they are shown; the ledger
        counts in whole numbers, ``10**scale`` to a credit. With 3, a rate of ``0.004`` takes 4.
    :raises ValueError: One of them is none that a list can have, a float for example; the message names it.
    """

    def __init__(
        self,
        items: Mapping[str, str | Decimal | int | Mapping[str, str | Decimal | int]],
        *,
        per: int = 1,
        version: str,
        scale: int = 0,
    ) -> None:
        check_whole("per", per, 1, MAX_CREDITS)
        check_whole("scale", scale, 0, MAX_SCALE)
        _check_given("version", version, "2026-11", MAX_VERSION)
        if not isinstance(items, Mapping) or not items:
            raise ValueError(f'items are rates by name, such as {{"report": "3"}}, not {items!r}')
        self.per = per
        self.version = version
        self.scale = scale
        self._items = {item: _rates_of(item, rates) for item, rates in items.items()}

    @property
    def example(self) -> str:
        """An item of the list, for a message."""
        return min(self._items)

    def __contains__(self, item: object) -> bool:
        """Whether the list has a price for ``item``."""
        return item in self._items

    def __repr__(self) -> str:
        return f"Rates({', '.join(self._items)}, per={self.per}, version={self.version!r})"

    def price(self, item: str, quantity: Quantities | None = None, /, **units: int) -> Price:
        """What so much of ``item`` costs: ``price("gpt-x", input=1200, output=340)``, ``price("report", 2)``.

        All that is used is summed up exactly, then rounded up to a whole number, once.

        :param quantity: How many, 1 by default; where an item has several units, a mapping of them,
            as an entry has it. A unit that is left out was not used.
        :raises ValueError: The list has no such item or unit, or the quantity is no whole number from 0 on.
        """
        rates = self._items.get(item)
        if rates is None:
            raise ValueError(f"item {item!r} is not in version {self.version!r}: {_listed(self._items)}")
        if units and quantity is not None:
            raise ValueError("quantity is given twice: as a value, and by the names of its units")
        used: Quantities = dict(units) if units else (1 if quantity is None else quantity)
        check_quantity(used)
        lines = tuple(self._line(item, rates, *of_unit) for of_unit in _by_unit(item, rates, used))
        exact = sum((line.credits for line in lines), Fraction(0)) * 10**self.scale
        credits = ceil(exact)
        if credits > MAX_CREDITS:
            raise ValueError(f"quantity of {item!r} costs {credits}; a price is at most {MAX_CREDITS:,}")
        kept = MappingProxyType(dict(used)) if isinstance(used, Mapping) else used
        return Price(credits, lines, self.version, item, kept, self.scale)

    def _line(self, item: str, rates: Mapping[str, Decimal], unit: str, quantity: int) -> PriceLine:
        if unit not in rates:
            raise ValueError(f"unit {unit!r} of {item!r} has no rate: {_listed(rates)}")
        return PriceLine(unit or None, quantity, rates[unit], self.per)


def use_at(
    price: Price | None,
    credits: int | None,
    item: str | None,
    quantity: Quantities | None,
    price_version: str | None,
    *,
    scale: int | None,
) -> tuple[int | None, str | None, Quantities | None, str | None]:
    """Credits, item, quantity and version, as a price says them, or as they are given without one.

    :param scale: That of the ledger's credits, where it knows one.
    :raises ValueError: A price is given, and one of them beside it; or it is no price, or of another scale.
    """
    if price is None:
        return credits, item, quantity, price_version
    if not isinstance(price, Price):
        raise ValueError(f"price is what Rates.price made, not {price!r}")
    check_scale(price, scale)
    given = {"credits": credits, "item": item, "quantity": quantity, "price_version": price_version}
    if repeated := [name for name, value in given.items() if value is not None]:
        raise ValueError(f"{', '.join(repeated)} beside price: the price says it already; leave it out")
    return price.credits, price.item, price.quantity, price.version


def check_scale(prices: Rates | Price, scale: int | None) -> None:
    """
    :raises ValueError: The prices are of another scale than the ledger's credits, so that each would be wrong
        by powers of ten.
    """
    if scale is not None and prices.scale != scale:
        raise ValueError(
            f"version {prices.version!r} of the rates has scale {prices.scale}, and credits have scale "
            f"{scale} here: write Rates(..., scale={scale})"
        )


def _rates_of(
    item: str, rates: str | Decimal | int | Mapping[str, str | Decimal | int]
) -> dict[str, Decimal]:
    """The rates of an item by unit; that of an item without units under ``ALL``."""
    _check_given("item", item, "report", MAX_NAME)
    if not isinstance(rates, Mapping):
        return {ALL: _rate(item, rates)}
    if not rates:
        raise ValueError(f"item {item!r} has no rates")
    for unit in rates:
        _check_given(f"unit of {item!r}", unit, "input", MAX_NAME)
    return {unit: _rate(f"{item}: {unit}", rate) for unit, rate in rates.items()}


def _rate(where: str, rate: str | Decimal | int) -> Decimal:
    """:raises ValueError: It is no text of a number, or has more digits than a rate has."""
    is_exact = isinstance(rate, str | Decimal | int) and not isinstance(rate, bool)
    text = f"{rate:f}" if isinstance(rate, Decimal) else str(rate)
    if not is_exact or RATE.fullmatch(text) is None:
        raise ValueError(
            f'rate of {where} is a number as a text, such as "0.25", at most 15 digits on each side of the '
            f"point, and no float; not {rate!r}"
        )
    return Decimal(text)


def _by_unit(item: str, rates: Mapping[str, Decimal], quantity: Quantities) -> list[tuple[str, int]]:
    """
    :raises ValueError: It is one number where the item has units, or units where it has none.
    """
    if isinstance(quantity, Mapping) == (ALL in rates):
        wants = "is one number" if ALL in rates else f"is by unit, {_listed(rates)}"
        raise ValueError(f"quantity of {item!r} {wants}; not {quantity!r}")
    return list(quantity.items()) if isinstance(quantity, Mapping) else [(ALL, quantity)]


def _check_given(field: str, name: str | None, example: str, longest: int) -> None:
    """:raises ValueError: It is missing, or none that the tables can hold."""
    check_name(field, "" if name is None else name, example, longest)


def _listed(names: Mapping[str, object]) -> str:
    """The first few names, for a message."""
    shown = ", ".join(sorted(names)[:8])
    return f"it has {shown}" + (", ..." if len(names) > 8 else "")
