"""How objects, amounts and times read on a page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from markupsafe import Markup, escape

from stripe_emulator.core import ids, money
from stripe_emulator.core.types import Json

#: Where an object keeps the sum that it is about, first hit first.
AMOUNTS = ("amount", "amount_total", "total", "unit_amount", "amount_off", "net")
#: Where it keeps words that a person knows it by.
NAMES = ("email", "name", "description", "number", "nickname", "code", "url", "type", "reason")

GOOD = {
    "succeeded",
    "complete",
    "paid",
    "active",
    "delivered",
    "enabled",
    "available",
    "won",
    "ready",
    "trialing",
}
BAD = {
    "failed",
    "canceled",
    "expired",
    "uncollectible",
    "void",
    "lost",
    "dispute lost",
    "unpaid",
    "disabled",
    "gone",
    "dropped",
}

_PREFIXES = "|".join(sorted({prefix.rpartition("_")[0] for prefix, _ in ids.PREFIXES.values() if prefix}))
_ID = re.compile(rf"(?:{_PREFIXES})_[A-Za-z0-9_]{{6,}}")
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=: )|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?|true|false|null)"
)


def moment(unix: float | None) -> Markup:
    """A time in UTC, for people and for programs: 23 Nov 2026, 09:15:00."""
    if unix is None:
        return Markup("&ndash;")
    then = datetime.fromtimestamp(unix, UTC)
    text = f"{then.day} {then:%b %Y, %H:%M:%S}"
    return Markup('<time datetime="{}">{}</time>').format(f"{then:%Y-%m-%dT%H:%M:%SZ}", text)


def breakable(text: str) -> Markup:
    """A long name that may be broken after its dots and underscores."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", text))


def recurring(price: Json) -> str:
    """What a price asks for by the period: "$10.00 per month"."""
    if price["unit_amount"] is None:
        return f"billed {period(price)}"
    return f"{money.text(price['unit_amount'], price['currency'])} {period(price)}"


def period(price: Json) -> str:
    """How often a price asks for its sum: "per month"."""
    every, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    return f"every {count} {every}s" if count > 1 else f"per {every}"


def local(unix: int) -> str:
    """A time as a ``datetime-local`` field takes it, UTC."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S}"


def day(unix: int) -> str:
    """A date for customers: 23 November 2026."""
    then = datetime.fromtimestamp(unix, UTC)
    return f"{then.day} {then:%B %Y}"


def amount(paid_object: Json) -> str:
    """The sum that an object is about, or nothing."""
    value = sum_of(paid_object)
    code = paid_object.get("currency")
    return money.text(value, code) if value is not None and isinstance(code, str) else ""


def sum_of(paid_object: Json) -> int | None:
    """The sum that an object is about, in minor units, or None."""
    return next((paid_object[key] for key in AMOUNTS if isinstance(paid_object.get(key), int)), None)


def name_of_customer(customer: Json) -> str:
    """What a customer is called: a name, an address, or else the id."""
    return str(customer.get("name") or customer.get("email") or customer["id"])


def short(object_id: str) -> str:
    """The end of a long id: ``pi_…K3xQ9a``; a short one whole."""
    prefix = object_id.partition("_")[0]
    return object_id if len(object_id) <= 16 else f"{prefix}_…{object_id[-6:]}"


def short_path(path: str) -> str:
    """A request's path with the ends of its long ids: ``/v1/charges/ch_…K3xQ9a``."""
    return _ID.sub(lambda named: short(named[0]), path)


def took(milliseconds: float | None) -> str:
    """How long something took, for people."""
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def answered(status: int) -> Markup:
    """An HTTP status as a coloured number."""
    tone = "good" if status < 400 else "warn" if status < 500 else "bad"
    return Markup('<span class="pill {}">{}</span>').format(tone, status)


def name(value: Json) -> str:
    """What a person knows an object by, or nothing."""
    words = next((value[key] for key in NAMES if isinstance(value.get(key), str) and value[key]), "")
    card = value.get("card")
    if isinstance(card, dict) and "last4" in card:
        return brand(card)
    return words[:120]


def brand(card: Json) -> str:
    """``Visa ending in 4242``."""
    known = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay", "diners": "Diners Club"}
    return f"{known.get(card['brand'], str(card['brand']).capitalize())} ending in {card['last4']}"


def status(value: Json) -> str:
    """The state that an object is in, in its own word, or nothing."""
    if isinstance(value.get("status"), str):
        return str(value["status"])
    if isinstance(value.get("active"), bool):
        return "active" if value["active"] else "inactive"
    return ""


def pill(word: str) -> Markup:
    """A state as a coloured word."""
    tone = (
        "good"
        if word in GOOD
        else "bad"
        if word in BAD
        else "warn"
        if word not in ("draft", "inactive")
        else ""
    )
    return Markup('<span class="pill {}">{}</span>').format(tone, word.replace("_", " "))


def words(kind_name: str) -> str:
    """An object's kind as a heading: ``Checkout sessions``."""
    text = kind(kind_name)
    return text[:-1] + "ies" if text.endswith("y") else text if text.endswith("s") else text + "s"


def kind(kind_name: str) -> str:
    """An object's kind in words: ``Checkout session``."""
    name_only = (
        kind_name.replace("test_helpers.", "").replace("v2.core.", "").replace("payment_intent", "payment")
    )
    text = name_only.replace(".", " ").replace("_", " ").replace("invoiceitem", "invoice item")
    return text[0].upper() + text[1:]


def pretty(value: Json) -> Markup:
    """JSON with colours; each id leads to its object."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    out, end = [], 0
    for token in _TOKEN.finditer(text):
        out.append(escape(text[end : token.start()]))
        out.append(_coloured(token))
        end = token.end()
    return Markup("").join([*out, escape(text[end:])])


def _coloured(token: re.Match[str]) -> Markup:
    if token["key"]:
        return Markup('<span class="k">{}</span>').format(token["key"])
    if token["number"]:
        return Markup('<span class="n">{}</span>').format(token["number"])
    quoted = token["text"]
    inner = quoted[1:-1]
    if _ID.fullmatch(inner) and "_secret_" not in inner:
        return Markup('<span class="s">"<a href="/find?q={0}">{0}</a>"</span>').format(inner)
    return Markup('<span class="s">{}</span>').format(quoted)
