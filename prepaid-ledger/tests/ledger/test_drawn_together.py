"""Many wallets drawn together come to what each comes to by itself, whoever writes at the same time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text

from prepaid_ledger import PrepaidError
from prepaid_ledger.books.lots.drawn_together import draw_together
from prepaid_ledger.testing import Databases

from .books import Books

pytestmark = pytest.mark.each_database

OWNERS = [f"user:{number}" for number in range(1, 9)]
TABLES = ("wallet", "lot", "draw", "entry")


class Life:
    """Random moves of some owners, the same for the same seed."""

    def __init__(self, books: Books, seed: int) -> None:
        self.books = books
        self.chance = random.Random(seed)
        self.number = 0
        self.spends: dict[str, list[str]] = {owner: [] for owner in OWNERS}
        self.holds: dict[str, list[str]] = {owner: [] for owner in OWNERS}
        self.sales: dict[str, list[str]] = {owner: [] for owner in OWNERS}

    def live(self, moves: int) -> None:
        for _ in range(moves):
            self.number += 1
            self.books.wait(seconds=self.chance.choice([0, 1, 60, 3_600, 43_200]))
            what = self.chance.choice(self.moves())
            try:
                what(self.chance.choice(OWNERS), f"move:{self.number}")
            except PrepaidError:
                self.books.session.rollback()

    def moves(self) -> list[Callable[[str, str], None]]:
        return [self.come_in, self.come_in, *[self.spend] * 4, self.hold, self.end, self.undo]

    def come_in(self, owner: str, key: str) -> None:
        days = self.chance.choice([None, 3, 30])
        ends = None if days is None else self.books.later(days=days)
        if self.chance.random() < 0.5:
            self.books.grant(self.chance.randint(3, 20), key, owner=owner, expires_at=ends)
        else:
            self.books.buy(self.chance.randint(3, 20), 500, key, owner=owner, expires_at=ends)
            self.sales[owner].append(key)

    def spend(self, owner: str, key: str) -> None:
        self.books.ledger.spend_now(owner, credits=self.chance.randint(1, 6), key=key)
        self.spends[owner].append(key)

    def hold(self, owner: str, key: str) -> None:
        hold = self.books.ledger.hold(owner, self.chance.randint(1, 6), key=key)
        self.holds[owner].append(key)
        if self.chance.random() < 0.3:
            hold.extend(self.chance.randint(7, 9))

    def end(self, owner: str, key: str) -> None:
        if self.holds[owner]:
            ended = self.holds[owner].pop()
            if self.chance.random() < 0.3:
                self.books.ledger.release(owner, key=ended)
            else:
                self.books.ledger.capture(owner, key=ended, credits=self.chance.randint(1, 5), overrun="debt")

    def undo(self, owner: str, key: str) -> None:
        ledger = self.books.ledger
        if self.sales[owner] and self.chance.random() < 0.3:
            lot = self.chance.choice(self.sales[owner])
            self.books.committed(lambda: ledger.claw_back(owner, lot_key=lot, key=key, refunded_minor=100))
        elif self.spends[owner]:
            spent = self.spends[owner].pop()
            self.books.committed(lambda: ledger.reverse(owner, spend_key=spent, key=key))


def rows(books: Books) -> dict[str, list[Any]]:
    """Every row, in order."""
    with books.engine.connect() as connection:
        read = {name: connection.execute(text(f"SELECT * FROM prepaid_{name}")).all() for name in TABLES}
    return {name: sorted(tuple(map(str, row)) for row in of_table) for name, of_table in read.items()}


@pytest.fixture
def alone(database: Any, databases: Databases, kind: str) -> Iterator[Books]:
    books = Books(databases.fresh(kind))
    yield books
    books.close()


def test_drawn_together_or_each_by_itself_the_tables_are_the_same(
    books: Books, alone: Books, kind: str
) -> None:
    together, one_by_one = (Life(each, 1 if kind == "sqlite" else 2) for each in (books, alone))
    went_alone = 0
    for moves in (45, 2, 20):
        for life in (together, one_by_one):
            life.live(moves)
        went_alone += len(draw_together(books.engine, OWNERS, books.unjoined.setup.clock))
        books.unjoined.bring_up_to_date(*OWNERS)
        for owner in OWNERS:
            alone.unjoined.bring_up_to_date(owner)

        assert rows(books) == rows(alone)
        assert books.unjoined.audit() == []
    assert len(rows(books)["draw"]) > 15
    assert went_alone < 12, "half of them"


def test_what_others_draw_or_lock_or_spend_meanwhile_is_neither_lost_nor_drawn_twice(
    books: Books, other_books: Books
) -> None:
    for owner in OWNERS:
        books.grant(50, owner=owner)
        books.unjoined.spend_now(owner, credits=3, key="first")

    met: list[str] = []

    def between(connection: object, cursor: object, statement: str, *more: object) -> None:
        """Everything is read, and not written yet; later on somebody waits for the locked wallet."""
        if "SKIP LOCKED" in statement and not met:
            met.append(statement)
            other_books.unjoined.spend_now("user:2", credits=4, key="between")
            other_books.unjoined.bring_up_to_date("user:3")
        elif statement.endswith("FOR NO KEY UPDATE"):
            locked.close()

    on_sqlite = books.engine.dialect.name == "sqlite"
    with ExitStack() as holding:
        if not on_sqlite:  # a file of SQLite has one writer: nobody writes while it is our turn
            event.listen(books.engine, "before_cursor_execute", between)
            locked = holding.enter_context(other_books.engine.connect())
            locked.execute(text("SELECT FROM prepaid_wallet WHERE owner = 'user:1' FOR UPDATE"))
        books.unjoined.bring_up_to_date(*OWNERS)

    drawn = dict(drawn_of(books))
    assert [drawn[owner] for owner in OWNERS] == [2] * 8
    assert books.unjoined.audit() == []
    books.unjoined.bring_up_to_date(*OWNERS)
    assert sum(dict(waiting_of(books)).values()) == 0
    assert met or on_sqlite


def drawn_of(books: Books) -> list[tuple[str, int]]:
    with books.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT owner, drawn_seq FROM prepaid_wallet"))]


def waiting_of(books: Books) -> list[tuple[str, int]]:
    with books.engine.connect() as connection:
        query = text("SELECT owner, seq - drawn_seq FROM prepaid_wallet")
        return [tuple(row) for row in connection.execute(query)]


def test_two_processes_that_draw_while_spends_go_on_come_to_the_same_end(
    books: Books, other_books: Books
) -> None:
    for owner in OWNERS:
        books.grant(500, owner=owner)

    def spend(owner: str) -> bool:
        for number in range(8):
            books.unjoined.spend_now(owner, credits=1, key=f"call:{number}")
        return True

    def draw(ledger: Books) -> bool:
        for _ in range(4):
            ledger.unjoined.bring_up_to_date(*OWNERS)
        return True

    spending = [partial(spend, owner) for owner in OWNERS]
    done = books.all_at_once([*spending, partial(draw, books), partial(draw, other_books)])
    assert done == [True] * 10

    books.unjoined.bring_up_to_date(*OWNERS)
    assert sum(dict(waiting_of(books)).values()) == 0
    assert sum(books.unjoined.balance(owner) for owner in OWNERS) == 8 * 492
