"""What a browser sends is read here and nowhere else. Each error names its field in the field's own words."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from urllib.parse import urljoin

from flask import g, request

from .. import money
from ..checks import MAX_CREDITS
from ..errors import NotYours, UnknownItem
from ..fast_path.requests import checked_key
from ..gateway.billing.billing_details import BillingDetails
from ..languages import formats, units
from ..languages.choice import locale
from ..languages.words import gettext as _
from ..languages.words import marked
from ..payments.customers import countries
from . import page

#: What the customer is asked to write where a field holds no whole number.
IN_DIGITS = {
    "credits": marked("Write the number of credits in digits, such as 10."),
    "quantity": marked("Write in digits how many times you want the plan, such as 2."),
    "shown_quantity": marked("Write in digits how many times you want the plan, such as 2."),
    "threshold": marked("Write in digits below how many credits to top up, such as 50."),
    "times": marked("Write in digits how many times a month to top up at most, such as 4."),
    "proration_date": marked("This preview has lost its time. Show the change again."),
    "due_minor": marked("This preview has lost its amount. Show the change again."),
    "next_minor": marked("This preview has lost its amount. Show the change again."),
    # Only programs send it, and what they are told is English.
    "max_minor": "Send the total that was shown, in the smallest unit of its currency, such as 500.",
}

#: Digits of the longest whole number or amount that is read, and of the longest number of a row.
MAX_DIGITS = 12
MAX_ROW_DIGITS = 18

#: Longest reason that is kept, with room for who gave it.
MAX_REASON = 180

#: What an invoice says of whom it is for: what an error says of each line, and how long it may be.
MAX_BILLED_TO = {
    "company": (marked("Write a name of up to %(length)s characters."), 150),
    "line1": (marked("Write a street of up to %(length)s characters."), 200),
    "line2": (marked("Write a line of up to %(length)s characters."), 200),
    "postal_code": (marked("Write a postal code of up to %(length)s characters."), 20),
    "city": (marked("Write a city of up to %(length)s characters."), 100),
    "state": (marked("Write a state of up to %(length)s characters."), 100),
    "country": (marked("Write a country of up to %(length)s characters."), 2),
    "tax_id": (marked("Write a tax id of up to %(length)s characters."), 40),
}

#: Longest note about a customer.
MAX_NOTE = 1_000

#: Of these, what the address of a card has; and how long the name on one may be.
CARD_ADDRESS = {"line1", "city", "postal_code", "country"}
MAX_NAME = 150

#: Where the fields of a body of JSON are kept, once it was read.
_READ = "prepaid_fields"

_ATTEMPT = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PATH = re.compile(r"/(?![/\\])[!-\[\]-z|~]{0,500}")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?|\.[0-9]{1,4}")
#: A comma anywhere else may be meant as a point: ``12,50``.
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,4})?")


def sent() -> Mapping[str, str]:
    """What this request has sent: the fields of its form, or of its body of JSON, as they would be typed."""
    fields: Mapping[str, str] | None = g.get(_READ)
    return request.form if fields is None else fields


def take(fields: Mapping[str, str]) -> None:
    """Let the fields of this request be those of a body of JSON."""
    setattr(g, _READ, fields)


def chosen(name: str) -> str | None:
    """A choice that this request makes, in what it has sent or in its address."""
    return sent().get(name, request.args.get(name))


def one_of(name: str, choices: Collection[str], words: str) -> str:
    """A choice that this request makes by what it sends; nothing is done by chance where it says another.

    :param words: What is told to who has sent none of ``choices``.
    :raises UnknownItem: It is none of them.
    """
    choice = sent().get(name, "")
    if choice not in choices:
        raise UnknownItem(words, field=name)
    return choice


def return_path() -> str | None:
    """Where Stripe's page is to lead back to, of this site; ``None`` is to the result page.

    :raises UnknownItem: It is no path of this site.
    """
    path = sent().get("return_path")
    if path is not None and not _PATH.fullmatch(path):
        raise UnknownItem("Write a path of this site, such as /app?paid=1.", field="return_path")
    return path


def return_url() -> str | None:
    """Where Stripe's page is to lead back to, as a whole address; Stripe adds the id of its session."""
    path = return_path()
    return None if path is None else page.with_session(here(path))


def here(path: str) -> str:
    """The whole address of a path of this site."""
    return urljoin(request.host_url, path)


def whole_number(fields: Mapping[str, str], name: str) -> int:
    """A whole number in ASCII digits: ``1e9``, ``٣`` and ``-1`` are refused.

    :raises UnknownItem: The field holds none, or one that is longer than any of its kind.
    """
    number = _digits(fields.get(name, "").strip(), MAX_DIGITS)
    if number is None:
        raise UnknownItem(IN_DIGITS[name], field=name)
    return number


def tax_rate() -> Fraction | None:
    """The tax on top, as a part of the price, with which the page has shown its totals: ``95/500``.

    ``None`` where the page showed none, as one that knows nothing of it.
    """
    text = sent().get("tax_rate")
    if text is None:
        return None
    over, _slash, under = text.partition("/")
    top, bottom = _digits(over, MAX_DIGITS), _digits(under, MAX_DIGITS)
    return Fraction(top, bottom) if top is not None and bottom else Fraction(0)


def quantity(fields: Mapping[str, str]) -> int:
    """How many times a plan is wanted; once where nothing is said.

    :raises UnknownItem: It is no whole number.
    """
    return whole_number(fields, "quantity") if fields.get("quantity") else 1


def threshold() -> int:
    """Below how many credits auto top-up buys.

    :raises UnknownItem: The field holds no such number.
    """
    return credits_to_move("threshold") if units.current().scale else whole_number(sent(), "threshold")


def credits_to_move(field: str = "credits") -> int:
    """How many credits an operator gives or takes, or a customer allows to be spent.

    :raises UnknownItem: It is no number above 0, has more decimals than the unit, or is too large.
    """
    unit = units.current()
    try:
        number = unit.parts(_with_point(sent().get(field, "").strip()))
    except ValueError:
        number = 0
    if not 0 < number <= MAX_CREDITS:
        bounds = {"min": formats.number(1), "max": formats.number(MAX_CREDITS), "unit": formats.unit_name()}
        if unit.scale:
            raise UnknownItem(_("Write so many %(unit)s, %(min)s to %(max)s.", **bounds), field=field)
        raise UnknownItem(_("Write a whole number of %(unit)s, %(min)s to %(max)s.", **bounds), field=field)
    return number


def _with_point(text: str) -> str:
    """A number as the reader's language writes it, in German ``2,5`` or ``1.000``, as programs read it."""
    decimal, group = (locale().number_symbols["latn"][name] for name in ("decimal", "group"))
    if re.fullmatch(rf"[0-9]{{1,3}}(\{group}[0-9]{{3}})+(\{decimal}[0-9]+)?", text):
        text = text.replace(group, "")
    return text.replace(",", ".") if decimal == "," and "." not in text else text


def amount_minor(currency: str, *, example_minor: int) -> int:
    """The form's amount in the smallest unit of ``currency``, from ``12.50``.

    :raises UnknownItem: It is no amount of this currency.
    """
    text = sent().get("amount", "").strip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    wrong = UnknownItem(f"Write an amount such as {money.decimal(example_minor, currency)}.", field="amount")
    if not _AMOUNT.fullmatch(text):
        raise wrong
    minor = Decimal(text).scaleb(money.decimals(currency))
    if minor != minor.to_integral_value() or not 0 < minor < 10**MAX_DIGITS:
        raise wrong
    return int(minor)


def expiry(now: datetime) -> tuple[int, int]:
    """The month and year that a card expires in.

    :raises UnknownItem: One of them cannot stand on a card, or they have passed.
    """
    month, year = (_digits(sent().get(name, ""), 4) for name in ("exp_month", "exp_year"))
    if month is None or year is None or not (1 <= month <= 12 and 2000 <= year <= 9999):
        raise UnknownItem(
            "Write the month as 1 to 12 and the year in four digits, as they stand on the card.",
            field="exp_month",
        )
    if (year, month) < (now.year, now.month):
        raise UnknownItem("This date has passed. Write the one that stands on your card.", field="exp_month")
    return month, year


def address() -> dict[str, str] | None:
    """The billing address of a card; ``None`` where no line of it was sent, as by a program.

    :raises UnknownItem: A line is longer than Stripe takes.
    """
    if not CARD_ADDRESS & sent().keys():
        return None
    return {name: short_line(name) for name in MAX_BILLED_TO if name in CARD_ADDRESS}


def short_line(name: str) -> str:
    """A line of an address, without spaces that say nothing.

    :raises UnknownItem: It is longer than Stripe takes, or can't be printed.
    """
    words, length = MAX_BILLED_TO[name]
    text = " ".join(sent().get(name, "").split())
    if len(text) > length or not text.isprintable():
        raise UnknownItem(_(words, length=length), field=name)
    return text


def name_on_card() -> str | None:
    """What is printed on a card; ``None`` where it was not sent."""
    name = sent().get("name")
    return None if name is None else name.strip()[:MAX_NAME]


def billed_to() -> BillingDetails:
    """Whom invoices are for, each line as written, or empty.

    :raises UnknownItem: One of them is too long, or no text; or there is no such country.
    """
    lines = {name: short_line(name) for name in MAX_BILLED_TO}
    country = lines["country"] = lines["country"].upper()
    if country and country not in countries.NAMES:
        raise UnknownItem("Choose a country from the list.", field="country")
    if not country and any(lines[name] for name in ("line1", "line2", "postal_code", "city", "state")):
        raise UnknownItem("Choose the country of this address.", field="country")
    return BillingDetails(**lines)


def note() -> str:
    """What an operator writes down about a customer.

    :raises UnknownItem: Nothing is written, or too much.
    """
    text = " ".join(sent().get("text", "").split())
    if not text or not text.isprintable() or len(text) > MAX_NOTE:
        raise UnknownItem(f"Write a note of up to {MAX_NOTE:,} characters.", field="text")
    return text


def reason() -> str:
    """Why an operator acts, as written in the form.

    :raises UnknownItem: Nothing is written, or too much.
    """
    text = " ".join(sent().get("reason", "").split())
    if not text or not text.isprintable() or len(text) > MAX_REASON:
        raise UnknownItem(f"Write why, in 1 to {MAX_REASON} characters.", field="reason")
    return text


def line(fields: Mapping[str, str], name: str, *, max_length: int = 255) -> str:
    """A field as typed, or nothing where it is no text that a table could hold."""
    text = fields.get(name, "").strip()
    return text if text.isprintable() and len(text) <= max_length else ""


def row_id(text: str) -> int | None:
    """The number of a row that ``text`` is, or ``None`` where it is none."""
    return _digits(text, MAX_ROW_DIGITS)


def named_row(text: str, refusal: str) -> int:
    """The number of the row that an address names.

    :param refusal: What is told to who names none.
    :raises NotYours: It is no number of a row.
    """
    number = row_id(text)
    if number is None:
        raise NotYours(refusal)
    return number


def payment_id(text: str) -> int:
    """
    :raises NotYours: It is no number of a payment.
    """
    return named_row(text, marked("There is no such purchase."))


def new_attempt() -> str:
    """A token for one form: sent twice, it is one purchase."""
    return secrets.token_urlsafe(16)


def attempt() -> str | None:
    """The token of the form that was sent, if it had one, as the name of a wish that only a form can have.

    Of a body of JSON it is the ``Idempotency-Key``.

    :raises BadIdempotencyKey: That is empty, too long, or no plain text.
    """
    if _READ in g:
        key = request.headers.get("Idempotency-Key")
        return None if key is None else f"json:{hashlib.sha256(checked_key(key).encode()).hexdigest()[:40]}"
    token = sent().get("attempt", "")
    return f"form:{token}" if _ATTEMPT.fullmatch(token) else None


def required_attempt() -> str:
    """The token of the form, by which it counts once however often it is sent.

    :raises UnknownItem: It is not there.
    """
    token = attempt()
    if token is None:
        raise UnknownItem("This form has lost its token. Load the page again.", field="attempt")
    return token


def _digits(text: str, max_digits: int) -> int | None:
    """The whole number that ``text`` writes in ASCII digits, at most so many."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= max_digits else None
