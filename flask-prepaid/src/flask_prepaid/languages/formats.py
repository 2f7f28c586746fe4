"""Credits, amounts and times in the reader's language; in English as ``money`` and ``units`` write them."""

from __future__ import annotations

import re
from copy import copy
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal

from .. import money
from . import units
from .choice import ENGLISH, locale, locale_of
from .words import gettext as _
from .words import marked, marked_plural, ngettext

#: Titles of the price list where the host gives no name: ``100 credits``, ``2 × 500 credits a month``.
_TITLE = re.compile(
    r"(?:(?P<times>[0-9,]+) × )?(?P<number>[0-9,]+(?:\.[0-9]+)?) (?P<unit>.+?)"
    r"(?: a (?P<one>day|week|month|year)| every (?P<count>[0-9]+) (?P<many>day|week|month|year)s)?"
)

#: What the host's price list calls credits where it says nothing, and what plans call their periods.
UNITS = (*marked_plural("credit", "credits"), marked("credits"))

#: How often something comes that comes with each period.
ONCE_EACH = {
    "day": marked("a day"),
    "week": marked("a week"),
    "month": marked("a month"),
    "year": marked("a year"),
}


def _is_english() -> bool:
    return locale().language == ENGLISH


def amount(amount_minor: int, currency: str) -> str:
    """An amount in the smallest unit of its currency: ``$1,234.50``, ``1.234,50 $``."""
    if _is_english():
        return money.show(amount_minor, currency)
    places = money.decimals(currency)
    return _in_currency(Decimal(amount_minor).scaleb(-places), currency, places)


def each(amount_minor: int, count: int, currency: str) -> str:
    """What one of so many credits costs: ``$0.90``, ``0,90 $``, or two digits more if it is so fine."""
    scaled = amount_minor * 10 ** units.current().scale
    if _is_english():
        return money.each(scaled, count, currency)
    whole, rest = divmod(scaled, count)
    if not rest:
        return amount(whole, currency)
    places = money.decimals(currency)
    price = Decimal(scaled).scaleb(-places) / count
    return _in_currency(price, currency, places + money.FINER)


def _in_currency(value: Decimal, currency: str, places: int) -> str:
    """By the pattern of the language, with the digits that Stripe has, which are not always those of ISO."""
    pattern = copy(locale().currency_formats["standard"])
    pattern.frac_prec = (places, places)
    shown: str = pattern.apply(value, locale(), currency=currency.upper(), currency_digits=False)
    return shown


def number(count: int, *, signed: bool = False) -> str:
    """Credits without their name: ``1,000``, ``1.000``; ``+5`` where it is signed."""
    if _is_english():
        return units.number(count, signed=signed)
    value = units.current().decimal(count)
    return f"{'+' if signed and count > 0 else ''}{plain_number(value)}"


def plain_number(value: Decimal | int) -> str:
    """A number of anything, with all its decimals."""
    return format_decimal(value, locale=locale(), decimal_quantization=False)


def unit(count: int) -> str:
    """What so many credits are called: ``credit``, ``credits``."""
    of_host = units.current()
    return ngettext(of_host.name, of_host.plural, plural_of(count))


def unit_name() -> str:
    """What credits are called."""
    return _(units.current().plural)


def credits(count: int) -> str:
    """``1 credit``, ``1,000 credits``, ``1.000 Credits``."""
    return f"{number(count)} {unit(count)}"


def plural_of(count: int) -> int:
    """The number by which a sentence about so many credits has its form: 2 where there are decimals."""
    whole, parts = divmod(abs(count), 10 ** units.current().scale)
    return 2 if parts else whole


def title(written: str) -> str:
    """The title of what is sold, or was bought: the host's name for it, or how many credits how often."""
    of_host = units.current()
    match = _TITLE.fullmatch(written)
    if match is None or match["unit"] not in (of_host.name, of_host.plural):
        return _(written)
    words = credits(of_host.parts(match["number"].replace(",", "")))
    if interval := match["one"] or match["many"]:
        words = f"{words} {every(interval, int(match['count'] or 1))}"
    return f"{plain_number(int(match['times'].replace(',', '')))} × {words}" if match["times"] else words


def day(at: datetime) -> str:
    """A day: ``23 November 2026``, ``23. November 2026``."""
    return format_date(at, "d MMMM y" if _is_english() else "long", locale())


def short_day(at: datetime) -> str:
    """A day in a table: ``23 Nov 2026``, ``23.11.2026``."""
    return format_date(at, "d MMM y" if _is_english() else "medium", locale())


def day_of_month(at: datetime) -> str:
    """A day of a chart, without its year: ``23 Nov``, ``23. Nov.``."""
    return (
        format_date(at, "d MMM", locale()) if _is_english() else format_skeleton("MMMd", at, locale=locale())
    )


def clock(at: datetime) -> str:
    """A time of day, to the minute: ``14:05``."""
    return format_time(at, "HH:mm", tzinfo=at.tzinfo, locale=locale())


def short_moment(at: datetime) -> str:
    """A time in a table, by its own zone: ``23 Nov 2026, 14:05``."""
    return f"{short_day(at)}, {clock(at)}"


def times(words: str, count: int) -> str:
    """Something taken several times over: ``Small, 3 times``."""
    return words if count == 1 else ngettext("%(what)s, once", "%(what)s, %(count)s times", count, what=words)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A time to the minute, by the clocks of a zone, which it names."""
    local = at.astimezone(zone)
    return f"{day(local)}, {clock(local)} ({zone.key})"


def card(brand: str | None, last4: str | None) -> str:
    """A card in a sentence: ``Visa ending in 4242``."""
    return _("%(brand)s ending in %(last4)s", brand=(brand or _("card")).capitalize(), last4=last4)


def list_of_languages(codes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each language by its code and by its own name, for a menu: ``de`` is ``Deutsch``."""
    return [(code, (locale_of(code).display_name or code).capitalize()) for code in codes]


def every(interval: str, count: int) -> str:
    """How often something comes: ``a month``, ``every 3 months``."""
    if count == 1:
        return _(ONCE_EACH[interval])
    if interval == "day":
        return ngettext("every day", "every %(count)s days", count)
    if interval == "week":
        return ngettext("every week", "every %(count)s weeks", count)
    if interval == "month":
        return ngettext("every month", "every %(count)s months", count)
    return ngettext("every year", "every %(count)s years", count)
