"""Who spends, and on what: it stands on the entry and on the hold, and is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import NoneType

from ...checks import is_fit, is_whole
from ...database.types import Quantities, quantity_text

#: The longest spender and item, price version, and text of a quantity.
MAX_NAME = 64
MAX_VERSION = 32
MAX_QUANTITY = 255


@dataclass(frozen=True)
class Use:
    """Who of an owner's spends, on what, how much of it, and by which price list.

    :param spender: Who spends for the owner: ``key:17``, ``member:5``.
    :param item: What is bought: ``report``, ``gpt-x``.
    :param quantity: How much of it: a whole number, or one for each unit by its name.
    :param price_version: The price list that made credits of it.
    :raises ValueError: One of them is none that the tables can hold; the message names it.
    """

    spender: str | None = None
    item: str | None = None
    quantity: Quantities | None = None
    price_version: str | None = None

    def __post_init__(self) -> None:
        check_name("spender", self.spender, "key:17", MAX_NAME)
        check_name("item", self.item, "report", MAX_NAME)
        check_name("price_version", self.price_version, "2026-11", MAX_VERSION)
        check_quantity(self.quantity)

    @property
    def gist(self) -> tuple[object, ...]:
        """What two postings with one key must agree on."""
        return self.spender, self.item, self.quantity_text

    @property
    def quantity_text(self) -> str | None:
        """The quantity as the tables keep it."""
        return None if self.quantity is None else quantity_text(self.quantity)

    def with_later(self, later: Use) -> Use:
        """This use with what was said of it later, but for who spends."""
        return replace(
            self,
            item=self.item if later.item is None else later.item,
            quantity=self.quantity if later.quantity is None else later.quantity,
            price_version=later.price_version or self.price_version,
        )

    def columns(self) -> dict[str, object]:
        """What a row of SQL has of it, by column; nothing where nothing is said."""
        if self is UNSAID:
            return {}
        return {
            "spender": self.spender,
            "item": self.item,
            "quantity": self.quantity_text,
            "price_version": self.price_version,
        }


def check_name(field: str, name: str | None, example: str, longest: int) -> None:
    """:raises ValueError: It is empty, too long, no text, or holds what a database can't keep."""
    if name is None:
        return
    if not isinstance(name, str) or not 1 <= len(name) <= longest or not is_fit(name):
        raise ValueError(f"{field} is a text of 1 to {longest} characters, such as {example}, not {name!r}")


def check_quantity(quantity: Quantities | None) -> None:
    """:raises ValueError: It is neither a whole number from 0 on nor a few of them by name."""
    if quantity is None:
        return
    numbers = quantity.values() if isinstance(quantity, Mapping) else [quantity]
    names = quantity.keys() if isinstance(quantity, Mapping) else []
    fits = all(is_whole(number, 0) for number in numbers)
    named = all(isinstance(name, str) and name and is_fit(name) for name in names)
    if not (fits and named and numbers) or len(quantity_text(quantity)) > MAX_QUANTITY:
        raise ValueError(
            "quantity is a whole number from 0 on, or some by the names of their units, such as "
            f'{{"input": 1200, "output": 340}}, at most {MAX_QUANTITY} characters as JSON; not {quantity!r}'
        )


#: Nothing is said of it.
UNSAID = Use()


def use_of(
    spender: str | None, item: str | None, quantity: Quantities | None, price_version: str | None
) -> Use:
    """Who spends, and on what. ``UNSAID`` where nothing is said of it.

    :raises ValueError: One of them is none that the tables can hold; the message names it.
    """
    if quantity is None and price_version is None and isinstance(spender, NAMES) and isinstance(item, NAMES):
        return _named(spender, item)
    return Use(spender, item, quantity, price_version)


#: The types by which ``_named`` can remember.
NAMES = (str, NoneType)


@lru_cache(maxsize=4096)
def _named(spender: str | None, item: str | None) -> Use:
    """The same few names come with call after call: they are checked once."""
    return UNSAID if spender is None and item is None else Use(spender, item)
