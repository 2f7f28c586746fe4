"""A January with some of everything, a year later, and what was archived of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from prepaid_ledger import Archived, Kind

from .books import NEW_YEAR, OWNER, Books

FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (2, 3))


def a_january(books: Books) -> None:
    """A month with some of everything, whose finished spends are six: four spends, two captures."""
    books.ledger.set_budget(OWNER, 500)
    books.ledger.set_budget(OWNER, 500, spender="key:1")
    books.commit()
    books.grant(30, expires_at=books.later(days=10))
    books.buy(100, 1000)
    for number in range(4):
        books.wait(hours=7, minutes=number)
        books.spend(10, f"report:{number}", spender=f"key:{number % 2}", item="report")
    with books.ledger.hold(OWNER, 10, key="job:1") as hold:
        hold.extend(14)
        hold.capture(11)
    with books.ledger.hold(OWNER, 5, key="job:2", spender="key:1") as hold:
        hold.capture()
    books.ledger.hold(OWNER, 3, key="job:3").release()
    books.commit()
    books.spend(7, "report:back")
    books.reverse("report:back", "undo:1", 4)
    books.spend(2, "report:whole")
    books.reverse("report:whole", "undo:2")
    books.refund(100)
    books.wait(days=20)
    books.ledger.write_due()


def a_year_later(books: Books) -> None:
    books.time = datetime(2027, 5, 1, tzinfo=UTC)
    books.spend(1, "report:late", spender="key:1")


def archived(books: Books, place: Engine, before: datetime = FEBRUARY, **more: Any) -> Archived:
    done = books.unjoined.archive(before, place, **more)
    assert done.problems == []
    return done


def answers(books: Books) -> dict[str, Any]:
    """What a customer, an operator and a bookkeeper ask for."""
    ledger, may = books.unjoined, datetime(2027, 5, 2, tzinfo=UTC)
    noon = NEW_YEAR.replace(day=2, hour=12)
    spans = [(NEW_YEAR, FEBRUARY), (noon, FEBRUARY), (NEW_YEAR, noon), (FEBRUARY, may), (noon, may)]
    statements = [ledger.statement(OWNER, *span) for span in spans]
    return {
        "wallet": ledger.wallet(OWNER),
        "lots": ledger.lots(OWNER),
        "budgets": ledger.budgets(OWNER),
        "statements": [(each.opening, each.closing, each.by_kind) for each in statements],
        "balances": [ledger.balance_at(OWNER, time) for span in spans for time in span],
        "usage": [
            ledger.usage(OWNER, *span, by=by) for span in spans for by in ("day", "hour", "spender", "item")
        ],
        "kept": [
            (entry.seq, entry.key)
            for entry in ledger.entries(OWNER, 200)
            if entry.kind is not Kind.SPEND or entry.key in ("report:back", "report:whole", "report:late")
        ],
    }


def rows_in(engine: Engine, model: type[Any]) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model.__table__)) or 0
