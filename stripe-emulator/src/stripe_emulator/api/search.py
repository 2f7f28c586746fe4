"""Stripe's search language: ``email:"jo@example.com" AND metadata["plan"]:"gold"``.

A query is a few clauses joined by AND or by OR, never both. Operators: ``:`` equal,
``~`` contains, ``> >= < <=`` for numbers; ``-`` before a clause turns it round; ``null`` is
no value. https://docs.stripe.com/search#search-query-language
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

#: What each kind can be searched by, besides ``metadata``.
FIELDS: dict[str, frozenset[str]] = {
    "charge": frozenset(
        [
            "amount",
            "billing_details.address.postal_code",
            "created",
            "currency",
            "customer",
            "disputed",
            "payment_method_details.card.brand",
            "payment_method_details.card.exp_month",
            "payment_method_details.card.exp_year",
            "payment_method_details.card.fingerprint",
            "payment_method_details.card.last4",
            "refunded",
            "status",
        ]
    ),
    "customer": frozenset(["created", "email", "name", "phone"]),
    "invoice": frozenset(
        ["created", "currency", "customer", "number", "receipt_number", "status", "subscription", "total"]
    ),
    "payment_intent": frozenset(["amount", "created", "currency", "customer", "status"]),
    "price": frozenset(["active", "currency", "lookup_key", "product", "type"]),
    "product": frozenset(["active", "description", "name", "shippable", "url"]),
    "subscription": frozenset(["canceled_at", "created", "status"]),
}

MAX_CLAUSES = 10

Test = Callable[[Json], bool]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

_CLAUSE = re.compile(
    r"""\s*(?P<minus>-?)\s*
    (?: metadata\[ (?P<open>["']) (?P<key>(?:\\.|(?!(?P=open)).)*) (?P=open) \] | (?P<field>[a-z_0-9.]+) )
    \s* (?P<operator>:|~|>=|<=|>|<) \s*
    (?: (?P<quote>["']) (?P<text>(?:\\.|(?!(?P=quote)).)*) (?P=quote) | (?P<bare>[0-9.\-]+|null|true|false) )
    \s*""",
    re.VERBOSE | re.DOTALL,
)
_JOINT = re.compile(r"(AND|OR)\b\s*|(?=[-a-z])", re.IGNORECASE)


def compile(query: str, kind: str) -> Test:
    """Whether an object matches, as a function.

    :raises InvalidRequest: A field that can't be searched, or no query at all.
    """
    tests: list[Test] = []
    joints: set[str] = set()
    position = 0
    while True:
        clause = _CLAUSE.match(query, position)
        if clause is None:
            raise _bad(f"We were unable to parse your search query at position {position}.")
        tests.append(_test(clause, kind))
        position = clause.end()
        if position == len(query):
            break
        joint = _JOINT.match(query, position)
        if joint is None:
            raise _bad(f"We were unable to parse your search query at position {position}.")
        joints.add((joint[1] or "AND").upper())
        position = joint.end()
    if len(tests) > MAX_CLAUSES:
        raise _bad(f"A search query can have up to {MAX_CLAUSES} clauses.")
    if len(joints) > 1:
        raise _bad("A search query can use AND or OR, but not both.")
    if joints == {"OR"}:
        return lambda value: any(test(value) for test in tests)
    return lambda value: all(test(value) for test in tests)


def _test(clause: re.Match[str], kind: str) -> Test:
    path = _path(clause, kind)
    wanted = clause["bare"] if clause["quote"] is None else re.sub(r"\\(.)", r"\1", clause["text"])
    matches = _matcher(clause["operator"], wanted, null=clause["bare"] == "null", field=".".join(path))
    turned = clause["minus"] == "-"

    def test(value: Json) -> bool:
        field: Any = value
        for key in path:
            field = field.get(key) if isinstance(field, dict) else None
        return matches(field) != turned

    return test


def _path(clause: re.Match[str], kind: str) -> list[str]:
    if clause["key"] is not None:
        return ["metadata", re.sub(r"\\(.)", r"\1", clause["key"])]
    field: str = clause["field"]
    if field not in FIELDS[kind]:
        raise _bad(f"Field `{field}` is an unsupported search field for resource `{kind}s`.")
    if (kind, field) == ("invoice", "subscription"):
        return ["parent", "subscription_details", "subscription"]
    return field.split(".")


def _matcher(sign: str, wanted: str, *, null: bool, field: str) -> Callable[[Any], bool]:
    if sign in _ORDERS:
        try:
            number = float(wanted)
        except ValueError:
            raise _bad(f"The operator `{sign}` needs a number, not `{wanted[:40]}`.") from None
        return lambda field: isinstance(field, int | float) and _ORDERS[sign](field, number)
    if null and sign == ":":
        return lambda field: field is None
    lower = wanted.lower()
    if sign == "~":
        if len(wanted) < 3:
            raise _bad("The operator `~` needs at least three characters.")
        return lambda field: isinstance(field, str) and lower in field.lower()
    return lambda field: field is not None and _spelled(field) == lower


def _spelled(value: Any) -> str:
    return str(value).lower()


def _bad(message: str) -> InvalidRequest:
    return InvalidRequest(
        f"{message} See https://stripe.com/docs/search#search-query-language.", param="query"
    )
