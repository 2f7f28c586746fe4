"""A verb is called wrongly, and refuses by a sentence that names the field. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from prepaid_ledger import Ledger, SpendRequest

from .books import NEW_YEAR, OWNER, Books

Call = Callable[[Ledger], object]

LATER = NEW_YEAR + timedelta(days=30)
LAST = datetime.max.replace(tzinfo=UTC)
WEST = timezone(timedelta(hours=-5))
PAID: dict[str, Any] = {"key": "payment:1", "amount_minor": 500, "currency": "usd"}
PERIOD: dict[str, Any] = {**PAID, "period_end": LATER}

MONEY: list[tuple[str, Any]] = [
    *[("amount_minor", minor) for minor in (4.99, -500, True, "500", Decimal("5.00"), None, 10**20)],
    *[("tax_minor", minor) for minor in (0.5, -1, True, "19", 501, None)],
    *[("currency", code) for code in ("USD", "euro", "", "u d", None, 840, "\ud800\ud800\ud800")],
]


@pytest.mark.parametrize(("field", "wrong"), MONEY)
def test_money_is_a_whole_number_of_a_currency(books: Books, field: str, wrong: Any) -> None:
    for verb, terms in (("purchase", PAID), ("allowance", PERIOD), ("add_to_allowance", PERIOD)):
        with pytest.raises(ValueError, match=f"^{field} is "):
            getattr(books.ledger, verb)(OWNER, 100, **{**terms, field: wrong})

    assert books.unjoined.entries(OWNER) == []


@pytest.mark.parametrize("owner", [None, 7, b"user:1", "", "x" * 65, "user:\x00", "user:\ud800", ["user:1"]])
def test_an_owner_is_a_text_whatever_is_asked(books: Books, owner: Any) -> None:
    ledger = books.unjoined
    calls: list[Callable[[], object]] = [
        *[
            lambda verb=verb: getattr(ledger, verb)(owner)
            for verb in ("balance", "lots", "entries", "budgets")
        ],
        lambda: ledger.statement(owner, NEW_YEAR, LATER),
        lambda: ledger.balance_at(owner, NEW_YEAR),
        lambda: ledger.usage(owner, NEW_YEAR, LATER),
        lambda: ledger.bring_up_to_date(owner),
        lambda: ledger.spend(owner, key="report:1"),
        lambda: ledger.spend_now(owner, key="report:1"),
        lambda: ledger.hold(owner, 1, key="job:1"),
        lambda: ledger.meter(owner, key="chat:1"),
        lambda: ledger.capture(owner, key="job:1"),
        lambda: ledger.reverse(owner, spend_key="report:1", key="back:1"),
    ]

    for call in calls:
        with pytest.raises(ValueError, match=r"^an owner is a text of 1 to 64 characters"):
            call()


#: What is called, and how the sentence begins that refuses it.
CALLS: list[tuple[Call, str]] = [
    (lambda ledger: ledger.allowance(OWNER, 1, **{**PERIOD, "period_end": None}), "period_end is a time"),
    (lambda ledger: ledger.allowance(OWNER, 1, **PERIOD, roll_over=1.5), "roll_over is a whole"),  # type: ignore[arg-type]
    (lambda ledger: ledger.allowance(OWNER, 1, **PERIOD, roll_over=-1), "roll_over is a whole"),
    (lambda ledger: ledger.allowance(OWNER, 1, **PERIOD, grace=3), "grace is a timedelta"),  # type: ignore[arg-type]
    (lambda ledger: ledger.allowance(OWNER, 1, **PERIOD, replacing="invoice:1"), "replacing are many"),
    (lambda ledger: ledger.adjust(OWNER, 0, key="fix", reason="x"), "credits of an adjustment are"),
    (lambda ledger: ledger.adjust(OWNER, True, key="fix", reason="x"), "credits of an adjustment are"),
    (lambda ledger: ledger.claw_back(OWNER, lot_key="gift", key="c"), "a clawback says either"),
    (
        lambda ledger: ledger.claw_back(OWNER, lot_key="gift", key="c", credits=1, refunded_minor=5),
        "a clawback says either",
    ),
    (
        lambda ledger: ledger.claw_back(OWNER, lot_key="gift", key="c", refunded_minor=0.5),  # type: ignore[arg-type]
        "refunded_minor is a whole",
    ),
    (
        lambda ledger: ledger.claw_back(OWNER, lot_key="gift", key="c", refunded_minor=50),
        "nobody paid for 'gift': say credits",
    ),
    (lambda ledger: ledger.claw_back(OWNER, lot_key="\ud800", key="c", credits=1), "lot_key is a text"),
    (lambda ledger: ledger.reverse(OWNER, spend_key=3, key="c"), "spend_key is a text"),  # type: ignore[arg-type]
    (lambda ledger: ledger.restore(OWNER, claw_key=b"c", key="c"), "claw_key is a text"),  # type: ignore[arg-type]
    (lambda ledger: ledger.move_end(OWNER, key="gift", expires_at=None), "expires_at is a time"),  # type: ignore[arg-type]
    (lambda ledger: list(ledger.grant_many("user:1", 1, key="g", reason="x")), "owners are many"),
    (lambda ledger: ledger.capture(OWNER, key="job:1", credits=False), "credits is a whole number from 0"),
    (lambda ledger: ledger.capture(OWNER, key="job:1", credits=0.0), "credits is a whole number from 0"),  # type: ignore[arg-type]
    (lambda ledger: ledger.entries(OWNER, limit=1.5), "limit is a whole number from 1 to 200"),  # type: ignore[arg-type]
    (lambda ledger: ledger.entries(OWNER, limit="5"), "limit is a whole number from 1 to 200"),  # type: ignore[arg-type]
    (lambda ledger: ledger.entries(OWNER, kind="theft"), "kind is one of purchase, "),
    (lambda ledger: ledger.entries(OWNER, keys="gift"), "keys are many"),
    (lambda ledger: ledger.entries(OWNER, spender=17), "spender is a text"),  # type: ignore[arg-type]
    (lambda ledger: ledger.entries(OWNER, item="\ud800"), "item is a text"),
    (lambda ledger: ledger.usage(OWNER, LATER, NEW_YEAR), "end is 2026-01-01 .* which is before start"),
    (lambda ledger: ledger.usage(OWNER, NEW_YEAR, None), "end is a time"),  # type: ignore[arg-type]
    (lambda ledger: ledger.statement(OWNER, LATER, NEW_YEAR), "end is 2026-01-01 .* which is before start"),
    (lambda ledger: ledger.meter(OWNER, key="m", item="x", rates={"x": "1"}), "rates are a price list"),  # type: ignore[arg-type]
    (
        lambda ledger: ledger.meter(OWNER, key="m", expires_after=timedelta.max),
        "expires_after is a timedelta",
    ),
    (lambda ledger: ledger.spend_now(OWNER, key="s", work="INSERT"), "work is one INSERT"),  # type: ignore[arg-type]
    (lambda ledger: ledger.spend_now(OWNER, key="s", work=select(1)), "work is one INSERT"),  # type: ignore[arg-type]
    (lambda ledger: ledger.spend_now(OWNER, key="s", work=text("INSERT")), "work is one INSERT"),  # type: ignore[arg-type]
    (lambda ledger: ledger.spend_now(OWNER, key="s", values={"number": 4}), "work is one INSERT"),
    (lambda ledger: ledger.spend_many([("user:1", 1, "s")]), "spends are SpendRequest"),  # type: ignore[list-item]
    (lambda ledger: ledger.spend_many(SpendRequest(OWNER, 1, "s")), "spends are many"),  # type: ignore[arg-type]
    (lambda ledger: ledger.audit("everything"), "rules are functions"),  # type: ignore[arg-type]
    (lambda ledger: ledger.audit(proofs="sqlite:///proofs"), "proofs is an engine"),  # type: ignore[arg-type]
    (lambda ledger: ledger.grant(OWNER, 1, key="r", reason="x" * 256), "a reason is a text of at most 255"),
    (lambda ledger: ledger.grant(OWNER, 1, key="r", reason=None), "a reason is a text"),  # type: ignore[arg-type]
    (lambda ledger: ledger.adjust(OWNER, 1, key="r", reason=None), "a reason is a text"),  # type: ignore[arg-type]
    (
        lambda ledger: ledger.spend(OWNER, credits=1, key="r", reason="x" * 256),
        "a reason is a text of at most 255",
    ),
    (
        lambda ledger: list(ledger.grant_many([OWNER], 1, key="r", reason="x" * 256)),
        "a reason is a text of at most 255",
    ),
    (lambda ledger: ledger.set_budget(OWNER, 5, zone=[]), "zone is the name of a time zone"),  # type: ignore[arg-type]
    (lambda ledger: ledger.usage(OWNER, NEW_YEAR, LATER, zone=[]), "zone is the name"),  # type: ignore[arg-type]
    (
        lambda ledger: ledger.allowance(OWNER, 1, **{**PERIOD, "period_end": LAST}),
        "grace ends by the year 9999",
    ),
    (
        lambda ledger: ledger.grant(OWNER, 1, key="r", reason="x", expires_at=LAST.replace(tzinfo=WEST)),
        "expires_at is a time of the years 1 to 9999 in UTC",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), CALLS)
def test_what_a_verb_cannot_take_is_refused_by_name(books: Books, call: Call, sentence: str) -> None:
    books.grant(100, key="gift")
    books.ledger.hold(OWNER, 10, key="job:1")

    with pytest.raises(ValueError, match=f"^{sentence}"):
        call(books.unjoined)

    assert (books.unjoined.balance(OWNER), len(books.unjoined.entries(OWNER))) == (100, 1)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"debt_blocks": "no"}, "debt_blocks is True or False, not 'no'"),
        ({"audit_rules": ["sums"]}, "audit_rules are functions"),
        ({"hold_expires_after": timedelta.max}, "hold_expires_after is a timedelta above 0, up to 366 days"),
    ],
)
def test_what_a_ledger_is_made_with_is_of_its_kind(
    books: Books, wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Ledger(books.engine, **wrong)


def test_a_ledger_is_on_a_session_alone(books: Books) -> None:
    engine: Engine = books.engine
    for wrong in (engine, None, "sqlite://", engine.connect):
        with pytest.raises(TypeError, match=r"on a session, Session\(engine\) or db.session"):
            books.unjoined.on(wrong)  # type: ignore[arg-type]
