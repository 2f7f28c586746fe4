"""Writes the reference of the rows that an app may read: columns, types, meanings, and each word of a state.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done. Types come from
the models, meanings from here, where a new column has to be given one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from inspect import getdoc
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, Integer
from sqlalchemy import inspect as mapping_of

from flask_prepaid import Alert, ApiKey, Code, CodeClaim, MailRecord, Payment, Refund, WebhookEndpoint
from flask_prepaid.outbox.models import AlertKind, OffBecause
from flask_prepaid.payments.customers.models import SavedCard
from flask_prepaid.payments.models import PaymentState, RefundState, Via
from prepaid_ledger import Entry, Kind
from prepaid_ledger.database import UtcDateTime

from .marked import paragraph

PAGE = Path(__file__).parent.parent / "docs/reference/rows.md"

HEAD = """# Rows that you may read

What verbs return as rows of the database: `Entry` by the verbs that move credits and by `entries`,
`Payment` by `payments`, `Refund` by `refund`, `SavedCard` by `cards`, `Code` by `make_code` and `codes`,
`CodeClaim` by `redeem`, `ApiKey` by `keys`, `Alert` by `alerts`, `WebhookEndpoint` by `endpoints`,
`MailRecord` by `mails`. Query them with your own session,
too; write none of them. Amounts of money are in the smallest unit of their currency, times in UTC. An
empty column is `None`.

<!-- written by tools/rows_table.py -->
"""

#: The models, and what each of their columns means.
MEANS: dict[type[Any], dict[str, str]] = {
    Entry: {
        "wallet_id": "the wallet, `prepaid_wallet.id`",
        "slot": "the wallet's slot, a hash of its owner: name it beside `wallet_id`",
        "seq": "its number in the wallet; they rise",
        "kind": "why the credits moved",
        "key": "the cause, once in each wallet: `report:17`",
        "credits": "how many came in; fewer than 0 went out",
        "debt": "by how much the wallet's debt moved",
        "balance_after": "the wallet's credits after it",
        "at": "when; no earlier than the entry before",
        "refers_to_seq": "what it is about: a reversal's spend, a clawback's lot, a capture's hold",
        "expires_at": "when what is left of these credits ends",
        "amount_minor": "what was paid for them, or refunded",
        "tax_minor": "what of that is tax; none where none is known",
        "currency": "of that amount, as in `usd`",
        "claimed": "how many credits a clawback was to take, where it names a number",
        "reason": "why, in the words of who asked",
        "spender": "who spent for the owner: `key:17`",
        "item": "on what: `report`",
        "quantity": "how much of it: a whole number, or one for each unit",
        "price_version": "the price list that made credits of it",
    },
    Payment: {
        "id": "names the payment in all verbs, pages and commands",
        "owner": "whose wallet it fills",
        "via": "how it was asked for",
        "state": "where it stands; of money that went back it says nothing",
        "pack": "the slug of the pack; none for a free quantity or a plan",
        "title": "what was bought, as it was called then",
        "credits": "how many were agreed, bonus included; 0 where a plan's invoice gave none",
        "expires_after_s": "how many seconds they last; none is for ever",
        "amount_minor": "the price agreed",
        "currency": "of all its amounts",
        "due_minor": "what the customer is asked for, with discount and tax, once Stripe has said it",
        "paid_minor": "what arrived: less by a discount, more by tax",
        "charged_minor": "what of it a charge brought, which alone can be refunded",
        "discount_minor": "what a promotion code took off",
        "tax_minor": "the tax in what arrived",
        "taxed": "the buyer's country, and how it was taxed there",
        "refunded_minor": "what has been sent back so far",
        "idempotency_key": "what Stripe's objects carry in their metadata, to find the row",
        "sent_digest": "a digest of what was sent under the key that names the purchase",
        "session_id": "Stripe's Checkout session, `cs_...`",
        "payment_intent_id": "Stripe's payment, `pi_...`",
        "charge_id": "Stripe's charge, `ch_...`",
        "invoice_id": "Stripe's invoice, `in_...`",
        "invoice_number": "the invoice's number, as it is printed",
        "card_id": "the card that paid, `pm_...`",
        "brand": "the brand of the card that was charged, such as `visa`",
        "last4": "its last four digits",
        "receipt_url": "Stripe's receipt",
        "failure": "why it failed, for operators",
        "failure_counted": "whether the sums of failures have it",
        "created_at": "when it was asked for",
        "paid_at": "when the money arrived",
        "fetched_at": "when Stripe was last asked about it",
        "check_at": "when `tick` asks next; none once it is final",
        "checks": "how often `tick` has asked",
        "reviewed_at": "when an operator has seen to one that needed a review",
        "review": "what the operator did last, and who it was",
    },
    Refund: {
        "id": "its number",
        "payment_id": "the payment that it sends back",
        "payment_intent_id": "the charge that it refunds: an invoice may be paid by several",
        "amount_minor": "how much, in the payment's currency",
        "asked_minor": "how much was asked for here; empty is all that was left",
        "asked_charge": "the charge for which it was asked for here; empty is all that had paid",
        "state": "where it stands; a word that Stripe adds later is kept as it is",
        "reason": "why, in the words of who asked",
        "idempotency_key": "what it was asked for under",
        "stripe_id": "Stripe's refund, `re_...`",
        "created_at": "when it was asked for",
        "fetched_at": "when Stripe was last asked about it",
        "check_at": "when `tick` asks next; none once it is final",
        "taken_minor": "the money for which credits are taken back",
        "taken_once": "how many it takes of the credits that a plan gave once",
        "takes": "how often they were taken anew",
    },
    SavedCard: {
        "id": "Stripe's, `pm_...`",
        "owner": "whose it is",
        "brand": "as in `visa`",
        "last4": "the last four digits",
        "exp_month": "the month of its end, 1 to 12",
        "exp_year": "the year of its end, four digits",
        "name": "of its holder",
        "fingerprint": "Stripe's name for its number, the same whoever has the card",
        "after_payment": "the owner's last payment before it was left or changed",
    },
    ApiKey: {
        "id": "its number; its spender is `key:` and this",
        "owner": "whose credits it spends",
        "name": "what it is for, as its owner wrote",
        "start": "its first characters",
        "digest": "of the key itself, which is not kept",
        "created_at": "when it was made",
        "expires_at": "when it ends by itself; none is never",
        "last_used_at": "when it was used last, to the minute",
        "revoked_at": "when it was revoked; none while it opens something",
    },
    Code: {
        "id": "names the code for claims",
        "code": "as it was written",
        "folded": "as it is compared: capitals and digits",
        "credits": "what it gives each time",
        "max_claims": "how often all together may redeem it; none is without end",
        "per_owner": "how often one may",
        "expires_at": "until when it can be redeemed",
        "expires_after_s": "how many seconds its credits last from then on; none is for ever",
        "reason": "why, for whoever redeems it",
        "referrer": "whose code it is, where it is somebody's",
        "referrer_credits": "what the referrer gets each time",
        "claims": "how often it was redeemed",
        "off_at": "since when it is switched off",
        "created_at": "when it was made",
    },
    CodeClaim: {
        "id": "stands in the key of its grant: `code:17`",
        "code_id": "the code",
        "owner": "who has redeemed it",
        "number": "which of the owner's claims of this code it is, from 1 on",
        "credits": "what came of it",
        "referrer_credits": "what came to the referrer",
        "key": "names the wish",
        "first": "of a referral, the two owners in the order of the alphabet: this one",
        "second": "and this one",
        "at": "when",
    },
    Alert: {
        "id": "names the alert in all verbs",
        "owner": "who wants to be told",
        "kind": "what is watched",
        "spender": "whose budget; empty is that of the whole wallet, or no budget",
        "every": "the budget's window: `day`, `week`, `month` or `ever`; empty is no budget",
        "threshold": "credits, per cent, or days; a balance of 0 is no alert",
        "created_at": "when it was set",
    },
    WebhookEndpoint: {
        "id": "names the endpoint in all verbs",
        "owner": "whose it is",
        "url": "where webhooks go",
        "secret": "by which they are signed: keep it out of logs and pages",
        "old_secret": "the one before, which signs beside it for a day",
        "old_until": "until when it does",
        "events": "the types that it is sent, a comma between them; empty is all",
        "failing_since": "when it failed first without a good answer since",
        "off_because": "why it is off; none is on",
        "created_at": "when it was added",
    },
    MailRecord: {
        "id": "rises with each mail",
        "owner": "whose customer it went to",
        "address": "where to",
        "name": "which mail: that of its template",
        "subject": "its subject",
        "error": "the class of what went wrong, or why it was withheld; empty: it was handed to the mailer",
        "message_uid": "the id of the message that it tells; none for a mail of the host's own",
        "at": "when",
    },
}

#: What a row has beside its columns.
BESIDE: dict[type[Any], str] = {
    Payment: "Beside these, `shown_state` is the state on all pages and in all answers: the `state` of a "
    "payment that came to nothing or is not paid yet, and of one that was paid `paid`, `partly_refunded`, "
    "`refunded`, `disputed` (a bank has the money until it has decided) or `dispute_lost`. `payments` reads "
    "it along; in a query of yours, `select(Payment).options(undefer(Payment.shown_state))` does.",
}

#: The words that a column may hold, and what each says.
WORDS: dict[type[StrEnum], dict[str, str]] = {
    Kind: {
        "purchase": "credits that were paid for",
        "grant": "credits that were given",
        "allowance": "a plan's credits of one period",
        "spend": "credits that were used",
        "reversal": "a spend, or a part, given back",
        "clawback": "credits taken back with money that left again",
        "expiry": "what was left when a lot ended",
        "adjustment": "a correction by hand",
    },
    PaymentState: {
        "requested": "written down; Stripe was perhaps asked",
        "open": "waits for the customer",
        "pending": "waits for the bank",
        "paid": "arrived; the credits are in the wallet",
        "failed": "came to nothing",
        "expired": "its page was left until it closed",
        "unknown": "Stripe did not answer; `tick` finds out",
        "needs_review": "what was paid is not what was agreed; an operator looks at it, and it is `failed` "
        "once all of it is refunded",
    },
    Via: {
        "checkout": "on a page of Checkout",
        "card": "by hand, with a saved card",
        "topup": "by auto top-up",
        "plan": "by a plan",
    },
    AlertKind: {
        "balance": "fewer credits are available",
        "budget": "so many per cent of a budget are spent",
        "lapse": "credits lapse within so many days",
    },
    OffBecause: {
        "owner": "its owner switched it off",
        "failed": "it failed for three days",
        "gone": "it answered 410",
    },
    RefundState: {
        "requested": "written down; Stripe's answer is not known",
        "refused": "Stripe never made it",
        "pending": "on its way",
        "requires_action": "the customer has to say where to",
        "succeeded": "sent",
        "failed": "came back from the bank; the credits are restored",
        "canceled": "withdrawn; the credits are restored",
    },
}

#: Columns whose words stand in a list of their own though the column holds any text.
TEXTS = {"prepaid_refund.state": RefundState}


def page() -> str:
    """The whole page in Markdown."""
    parts = [HEAD, *(part for model in MEANS for part in _model(model)), *_words()]
    return "\n".join(parts)


def _model(model: type[Any]) -> Iterator[str]:
    table = mapping_of(model).local_table
    first = (getdoc(model) or "").split("\n\n")[0].replace("\n", " ")
    yield f"## {model.__name__}: `{table.name}`\n\n{re.sub('``', '`', first)}\n"
    yield "| column | type | empty? | means |\n|---|---|---|---|"
    means = MEANS[model]
    for column in table.columns:
        empty = " may be " if column.nullable else " "
        yield f"| `{column.name}` | {_type(column)} |{empty}| {means[column.name]} |"
    assert set(means) == set(table.columns.keys()), (
        f"{model.__name__}: {set(means) ^ set(table.columns.keys())}"
    )
    yield ""
    if model in BESIDE:
        yield f"{paragraph(BESIDE[model])}\n"


def _type(column: Column[Any]) -> str:
    words = TEXTS.get(f"{column.table.name}.{column.name}") or getattr(column.type, "enum_class", None)
    if words in WORDS:
        return f"[`{words.__name__}`](#{words.__name__.lower()})"
    kinds = {Boolean: "`bool`", Integer: "`int`", UtcDateTime: "`datetime`"}
    for kind, name in kinds.items():
        if isinstance(column.type, kind):
            return name
    python = column.type.python_type.__name__ if column.name != "quantity" else "int` or `dict"
    length = getattr(column.type, "length", None)
    return f"`{python}`" + (f", up to {length}" if length and python == "str" else "")


def _words() -> Iterator[str]:
    for enum, means in WORDS.items():
        assert {str(word) for word in enum} == set(means), f"{enum.__name__}: {set(means)}"
        yield f"## {enum.__name__}\n"
        yield "| value | says |\n|---|---|"
        yield from (f"| `{word}` | {means[str(word)]} |" for word in enum)
        yield ""


def write() -> None:
    PAGE.write_text(page().rstrip() + "\n")
