"""What credits are called, and with how many decimals people read them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .checks import MAX_CREDITS, is_whole
from .prices import MAX_SCALE

#: The longest name of a unit.
MAX_NAME = 32


@dataclass(frozen=True)
class Unit:
    """What credits are called, and into how many parts one is divided.

    The ledger counts whole numbers, always. With ``scale=3`` they are thousandths of a credit: a balance of
    125 is shown as ``0.125 credits``. Give ``Rates`` the same scale.

    :param name: What one is called.
    :param plural: What several are called; by default the name with an ``s``.
    :param scale: With how many decimals they are shown, 0 to 9.
    :raises ValueError: One of them is none that a unit can have; the message names it.
    """

    name: str = "credit"
    plural: str = ""
    scale: int = 0

    def __post_init__(self) -> None:
        if not is_whole(self.scale, 0, MAX_SCALE):
            raise ValueError(f"scale of a unit is a whole number from 0 to {MAX_SCALE}, not {self.scale!r}")
        for field, word in (("name", self.name), ("plural", self.plural or self.name)):
            if not isinstance(word, str) or not 1 <= len(word) <= MAX_NAME or not word.isprintable():
                raise ValueError(f"{field} of a unit is a word of 1 to {MAX_NAME} characters, not {word!r}")
        if not self.plural:
            object.__setattr__(self, "plural", f"{self.name}s")

    def decimal(self, credits: int) -> Decimal:
        """So many of the ledger's whole numbers, as they are shown: ``Decimal("0.125")``."""
        return Decimal(credits).scaleb(-self.scale)

    def plain(self, credits: int) -> str:
        """For programs and tables: ``0.125``, ``1000``; all decimals, and nothing between thousands."""
        return f"{self.decimal(credits):f}"

    def number(self, credits: int) -> str:
        """For people: ``0.125``, ``1,000``; without zeros at the end of a fraction."""
        whole, _, parts = f"{self.decimal(credits):,f}".partition(".")
        parts = parts.rstrip("0")
        return f"{whole}.{parts}" if parts else whole

    def text(self, credits: int) -> str:
        """For people, with the name: ``0.125 credits``, ``1 credit``."""
        is_one = abs(credits) == 10**self.scale
        return f"{self.number(credits)} {self.name if is_one else self.plural}"

    def verb(self, credits: int) -> str:
        """``is`` for one credit, ``are`` for all others."""
        return "is" if abs(credits) == 10**self.scale else "are"

    def parts(self, number: str | int | Decimal) -> int:
        """The ledger's whole number for what somebody wrote: ``"2.5"`` is 2500 with ``scale=3``.

        Use it where a price list or a form has credits as they are shown.

        :param number: A number as a text, without signs between thousands; a whole number, or a ``Decimal``.
        :raises ValueError: It is none, a float for example, is negative or has more decimals than the unit.
        """
        shown = f"{number:f}" if isinstance(number, Decimal) else str(number)
        is_exact = isinstance(number, str | int | Decimal) and not isinstance(number, bool)
        digits = shown.strip()
        if (
            not is_exact
            or not digits.isascii()
            or not digits.replace(".", "", 1).isdigit()
            or len(digits) > 40
        ):
            raise ValueError(
                f'{self.plural} are a number as a text, such as "2.5", and no float; not {number!r}'
            )
        try:
            scaled = Decimal(digits).scaleb(self.scale)
        except InvalidOperation:  # a point alone
            raise ValueError(f"{self.plural} are a number, not {number!r}") from None
        if scaled != scaled.to_integral_value() or scaled > MAX_CREDITS:
            decimals = f"at most {self.scale} decimals" if self.scale else "no decimals"
            raise ValueError(
                f"{self.plural} have {decimals}, and are {self.number(MAX_CREDITS)} at most; not {number!r}"
            )
        return int(scaled)
