"""Writes the reference of a customer's data: each section of it, with types.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done. Types
come from the tables, what a section is from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy import inspect as mapping_of

from flask_prepaid.operations import personal_data
from prepaid_ledger import Entry
from prepaid_ledger.tables import Budget
from rando_number.accounts import own_data
from rando_number.models import AuditLine, Number, Passkey, SignIn, User

PAGE = Path(__file__).parent.parent / "docs/reference/personal-data.md"

HEAD = """# A customer's data

`prepaid.personal_data(owner)` reads what is kept of an owner, for who asks for a copy of their data. Its
`sections()` are those of the first table, each with rows in pages: write them into one file. Rando Number's
`/export.json` is all of them as one JSON object, by their names, with its own sections of the second table.

Times are UTC: a `datetime`, in the export `2026-11-23T10:00:00+00:00`. Amounts are in the smallest unit of
their currency, and credits whole numbers, or texts such as `"0.125"` where the app's unit has decimals. "or
null" says that a value may be missing. Left out are secrets, digests, and operators' notes, which may name
others: read those before you hand them out. `archived_until`, in the export `calls_archived_until`, is there
if older entries lie in an [archive](../how-to/archive.md).

<!-- written by tools/personal_data_table.py -->
"""

#: What each section of the extension has.
SAYS = {
    "customer": "who stands for the owner at Stripe, and whom invoices are for; one row, or none",
    "former_customers": "who stood for the owner at Stripe before, and was deleted there",
    "api_keys": "API keys, without their secrets",
    "cards": "cards on file; the number is Stripe's alone",
    "auto_top_up": "what is set for auto top-up; one row, or none",
    "tries_to_pay": "from where somebody tried to pay; kept for a day",
    "tries_to_redeem": "from where somebody tried a code that gives nothing; kept for a day",
    "purchases": "payments, whatever came of them; `state` is the one that pages show",
    "refunds": "money that was sent back, and why",
    "disputes": "payments that the customer's bank has objected to, with the bank's reason",
    "credit_notes": "money that was given back by a credit note",
    "plans": "plans that run or ran, with their price",
    "invoices": "invoices of plans",
    "redeemed_codes": "codes that the customer has redeemed",
    "own_codes": "codes that the customer hands on",
    "alerts": "alerts that were set; the threshold is credits, per cent, or days",
    "webhooks": "addresses of the customer's programs, without their secrets",
    "sent_webhooks": "what those were sent, as JSON in `data`, and what they answered",
    "mails": "mails that were written; `error` is empty where the mail was handed to the mailer",
    "notices": "what the customer was told once, such as `card:` with the card that expires",
    "limits": "what may be spent; `spender` is null for the whole wallet, `every` without a period",
    "entries": "every movement of credits, the newest first",
}

#: The types of JSON, by those of Python, and by the types of columns for which Python's says nothing.
KINDS = {bool: "true or false", int: "whole number"}
OF_COLUMNS = {"UtcDateTime": "time", "JSON": "list or object", "UnlessUsual": "whole number"}

#: The shop's own sections: the table, its fields, and what the section has.
OF_SHOP: dict[str, tuple[type[Any], tuple[str, ...], str]] = {
    "account": (User, own_data.ACCOUNT, "the account itself: an object, not a list"),
    "sign_ins": (SignIn, own_data.SIGN_IN, "browsers that are signed in"),
    "passkeys": (Passkey, own_data.PASSKEY, "passkeys, without their keys"),
    "numbers": (Number, own_data.NUMBER, "each call that drew numbers"),
    "log": (AuditLine, own_data.LINE, "what the customer did, when and from where"),
}


def page() -> str:
    """The whole page in Markdown."""
    return "\n".join([HEAD, "## Of the extension\n", *_extension(), "", "## Of Rando Number\n", *_shop(), ""])


def _extension() -> Iterator[str]:
    tables = {name: wanted.selected_columns for name, (wanted, _) in personal_data.tables_of("").items()}
    fields: dict[str, Iterable[ColumnElement[Any]]] = {
        **tables,
        "limits": _named(Budget, personal_data.BUDGET),
        "entries": _named(Entry, personal_data.ENTRY),
    }
    assert set(fields) == set(SAYS), set(fields) ^ set(SAYS)
    return _table((name, SAYS[name], columns) for name, columns in fields.items())


def _shop() -> Iterator[str]:
    return _table((name, says, _named(table, names)) for name, (table, names, says) in OF_SHOP.items())


def _named(table: type[Any], names: Iterable[str]) -> list[ColumnElement[Any]]:
    columns = dict(mapping_of(table).columns)
    columns["spent"] = Budget.spent_here.label("spent")  # of its window, which a summary has
    return [columns[name] for name in names]


def _table(sections: Iterable[tuple[str, str, Iterable[ColumnElement[Any]]]]) -> Iterator[str]:
    yield "| section | has | fields |\n|---|---|---|"
    for name, says, columns in sections:
        yield f"| `{name}` | {says} | {'; '.join(map(_field, columns))} |"


def _field(column: ColumnElement[Any]) -> str:
    source = getattr(column, "element", column)  # that of a label
    null = ", or null" if getattr(source, "nullable", False) else ""
    return f"`{column.key}` {_type(column)}{null}"


def _type(column: ColumnElement[Any]) -> str:
    if column.key in personal_data.CREDITS:
        return "credits"
    own = OF_COLUMNS.get(type(column.type).__name__)
    return own or KINDS.get(column.type.python_type, "text")


def write() -> None:
    PAGE.write_text(page().rstrip() + "\n")
