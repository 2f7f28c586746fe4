"""What a host hears: at least once and by one id, in order for each owner, whatever its receivers do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import Select, event, func, insert, select, text, update
from sqlalchemy.orm import Session

from flask_prepaid import signals
from flask_prepaid.context import apart, transaction
from flask_prepaid.outbox import delivering, due_queues, given_up, queues, summary
from flask_prepaid.outbox.messages import Queue, Queues
from flask_prepaid.outbox.models import (
    Delivery,
    DeliveryState,
    Message,
    Notice,
    OffBecause,
    Target,
    WebhookEndpoint,
)

from ..shop import Shop, ShopWith
from .hearing import tell


class Host:
    """A host with a receiver that can be made to fail, and one that never does."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.fails_for: set[str] = set()
        self.heard: list[tuple[str, int]] = []
        self.ids: list[str | None] = []
        self.other: list[int] = []

    def hear(self, app: Flask, *, owner: str, credits: int, **more: Any) -> None:
        self.ids.append(signals.message_id())
        self.shop.prepaid.session.add(Notice(owner=owner, about=f"heard:{credits}", sent_at=self.shop.now()))
        self.shop.prepaid.session.flush()
        if owner in self.fails_for:
            raise ZeroDivisionError
        self.heard.append((owner, credits))

    def hear_too(self, app: Flask, *, credits: int, **more: Any) -> None:
        self.other.append(credits)

    @property
    def notes(self) -> int:
        """How many of the rows that the receiver wrote were committed."""
        count = select(func.count()).select_from(Notice).where(Notice.about.startswith("heard:"))
        return int(self.shop.read(lambda: self.shop.prepaid.session.scalar(count)))

    def tell(self, *numbers: int, owner: str = "user:1") -> None:
        for number in numbers:
            tell(self.shop, number, owner)

    def doctor(self) -> str:
        return self.shop.command("doctor").output


@pytest.fixture
def host(shop_with: ShopWith) -> Iterator[Host]:
    host = Host(shop_with())
    with signals.credits_added.connected_to(host.hear), signals.credits_added.connected_to(host.hear_too):
        yield host


@pytest.mark.each_database
def test_a_row_that_the_database_refuses_is_its_receivers_failure_and_is_given_up(shop: Shop) -> None:
    others: list[int] = []

    def hear(app: Flask, *, owner: str, **more: Any) -> None:
        shop.prepaid.session.add(Notice(owner=owner, about="the same", sent_at=shop.now()))

    def hear_too(app: Flask, *, credits: int, **more: Any) -> None:
        others.append(credits)

    with signals.credits_added.connected_to(hear), signals.credits_added.connected_to(hear_too):
        for number in (1, 2, 3):
            tell(shop, number)
        assert others == [1, 2]
        for _ in range(12):
            shop.stripe.advance(hours=7)
            shop.tick()

    assert others == [1, 2, 3]
    assert "given up" in shop.command("doctor").output


def test_a_receiver_that_fails_is_told_again_in_order_and_holds_up_nobody_else(host: Host) -> None:
    host.tell(1)
    assert (host.heard, host.other) == ([("user:1", 1)], [1])

    host.fails_for = {"user:1"}
    host.tell(2, 3)
    host.tell(4, owner="user:2")
    assert host.heard == [("user:1", 1), ("user:2", 4)]
    assert host.other == [1, 2, 4], "one receiver that has it is told nothing twice, and 3 comes after 2"
    host.shop.stripe.advance(minutes=1)
    host.shop.tick()
    assert host.other == [1, 2, 4]

    host.fails_for = set()
    host.shop.stripe.advance(hours=1)
    host.shop.tick()
    host.shop.tick()

    assert host.heard == [("user:1", 1), ("user:2", 4), ("user:1", 2), ("user:1", 3)]
    assert host.other == [1, 2, 4, 3]
    assert host.notes == 4, "what a receiver writes is committed once it did not fail"
    assert len(set(host.ids)) == 4
    assert len(host.ids) == 6
    assert all(id and id.startswith("msg_") for id in host.ids)
    assert signals.message_id() is None


def test_what_fails_for_days_is_given_up_and_operators_are_told(host: Host) -> None:
    host.fails_for = {"user:1"}
    host.tell(1, 2)
    for hours in (1, 1, 1, 12):
        host.shop.stripe.advance(hours=hours)
        host.shop.tick()
    assert "fails again and again, one for" in host.doctor()
    assert "receivers: 2 wait, 1 of them after a failure" in host.shop.command("outbox").output
    for _ in range(12):
        host.shop.stripe.advance(hours=7)
        host.shop.tick()
    assert "2 signals and mails were given up after three days, the first credits-added" in host.doctor()
    given_up = host.shop.command("outbox")
    assert given_up.exit_code == 1
    assert "given up: credits-added of user:1" in given_up.output
    assert "hear: ZeroDivisionError" in given_up.output

    host.fails_for = set()
    assert host.shop.command("outbox", "--again").exit_code == 0
    host.shop.tick()

    assert host.heard == [("user:1", 1), ("user:1", 2)]
    assert host.shop.command("outbox", "--json").output == '{"waiting": [], "given_up": 0}\n'
    assert "given up" not in host.doctor()
    assert host.shop.command("outbox", "--again", "--drop").exit_code == 2


def test_what_is_given_up_can_be_dropped_and_what_is_told_is_forgotten_in_time(host: Host) -> None:
    host.fails_for = {"user:2"}
    host.tell(1)
    host.tell(2, owner="user:2")
    for _ in range(2):
        host.shop.stripe.advance(days=20)
        host.shop.tick()
    assert messages(host.shop) == ["user:2"], "what nobody was told is not forgotten by itself"

    assert "1 are dropped" in host.shop.command("outbox", "--drop").output
    host.shop.tick()

    assert messages(host.shop) == []


def messages(shop: Shop) -> list[str]:
    """Whose messages are there."""
    owners = select(Message.owner).order_by(Message.id)
    return list(shop.read(lambda: shop.prepaid.session.scalars(owners).all()))


def test_a_signal_of_a_receivers_own_transaction_comes_after_the_one_it_hears(shop: Shop) -> None:
    order: list[int] = []

    def hear(app: Flask, *, credits: int, **more: Any) -> None:
        if credits == 1:
            with transaction(shop.prepaid) as session:
                sent = {"owner": "user:1", "credits": 2, "payment_id": None}
                signals.after_commit(session, signals.credits_added, **sent)
        order.append(credits)

    with signals.credits_added.connected_to(hear):
        tell(shop, 1)

    assert order == [1, 2]
    waiting = select(func.count()).select_from(Delivery).where(Delivery.state != "done")
    assert shop.read(lambda: shop.prepaid.session.scalar(waiting)) == 0


def test_a_database_that_goes_away_after_the_commit_fails_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def hear(app: Flask, *, credits: int, **more: Any) -> None:
        heard.append(credits)

    def away(*_: Any) -> None:
        raise ConnectionError

    with signals.credits_added.connected_to(hear):
        with monkeypatch.context() as broken:
            broken.setattr("flask_prepaid.outbox.delivering.taken", away)
            tell(shop, 1)
        assert heard == []
        shop.stripe.advance(minutes=2)
        shop.tick()
    assert heard == [1]


def test_days_without_a_tick_are_no_days_of_failing(host: Host) -> None:
    """What failed for the first time after four days is tried for three more."""
    host.fails_for = {"user:1"}
    host.tell(1)
    host.shop.stripe.advance(days=2)
    host.shop.tick()
    host.shop.read(lambda: _forget_tries(host.shop))
    host.shop.stripe.advance(days=4)
    host.shop.tick()
    assert "given up" not in host.doctor()
    host.fails_for = set()
    host.shop.stripe.advance(days=1)
    host.shop.tick()

    assert host.heard == [("user:1", 1)]


def _forget_tries(shop: Shop) -> None:
    """As if nobody had tried yet."""
    never = {"tries": 0, "failing_since": None, "tried_at": None}
    shop.prepaid.session.execute(update(Delivery).values(never))
    shop.prepaid.session.commit()


def test_a_request_delivers_what_it_has_told_and_no_backlog(host: Host) -> None:
    host.fails_for = {"user:1"}
    host.tell(1, 2, 3)
    host.fails_for = set()
    host.shop.stripe.advance(hours=1)

    host.tell(4)
    assert host.heard == [], "what waits in front of it is the tick's"
    host.shop.tick()

    assert host.heard == [("user:1", number) for number in (1, 2, 3, 4)]


def committed(host: Host, number: int) -> Queues:
    """What a process has written that is held up before it delivers."""

    def write() -> Queues:
        session = host.shop.prepaid.session
        signals.after_commit(session, signals.credits_added, owner="user:1", credits=number, payment_id=None)
        written: Queues = host.shop.prepaid.outbox.write(host.shop.prepaid)
        session.commit()
        return written

    return cast(Queues, host.shop.read(write))


def deliver(host: Host, written: Queues) -> None:
    host.shop.read(lambda: host.shop.prepaid.outbox.deliver(host.shop.prepaid, written))


def take(host: Host, queue: Queue) -> queues.Due | None:
    """Another process takes what comes next."""

    def commit() -> queues.Due | None:
        with transaction(host.shop.prepaid) as session:
            return queues.take(session, queue, host.shop.now())

    return cast("queues.Due | None", host.shop.read(commit))


@pytest.mark.each_database
def test_whoever_is_held_up_for_longer_than_its_minute_leaves_to_others_what_they_have_taken(
    host: Host,
) -> None:
    written = committed(host, 1)
    (queue,) = written
    assert take(host, queue) is None, "it is the writer's for a minute"

    host.shop.stripe.advance(seconds=61)
    assert take(host, queue) is not None
    deliver(host, written)
    assert host.heard == [], "another process is at it"
    host.shop.tick()
    assert host.heard == [], "and still has it"

    host.shop.stripe.advance(seconds=61)
    host.shop.tick()
    assert host.heard == [("user:1", 1)], "that one has died, and the tick delivers"


@pytest.mark.each_database
def test_whoever_is_late_and_finds_its_message_as_it_was_takes_it_anew_first(host: Host) -> None:
    written = committed(host, 1)
    (queue,) = written
    host.shop.stripe.advance(seconds=50)
    others: list[object] = []

    def hear(app: Flask, **more: Any) -> None:
        host.shop.stripe.advance(seconds=20)  # by now the minute is over
        others.append(take_apart(host, queue))

    with signals.credits_added.connected_to(hear):
        deliver(host, written)

    assert others == [None], "nobody else may deliver it meanwhile"
    assert host.heard == [("user:1", 1)]


def take_apart(host: Host, queue: Queue) -> queues.Due | None:
    with apart(host.shop.prepaid.engine) as session:
        return queues.take(session, queue, host.shop.now())


def test_a_tick_has_its_time_for_receivers_and_the_next_one_goes_on(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.fails_for = {"user:1", "user:2"}
    for owner in ("user:1", "user:2"):
        host.tell(1, 2, owner=owner)
    host.fails_for = set()
    host.shop.stripe.advance(hours=1)
    monkeypatch.setattr(delivering, "BUDGET_S", -1.0)
    host.shop.tick()
    assert host.heard == []
    monkeypatch.undo()
    monkeypatch.setattr(delivering, "IN_A_TURN", 1)
    host.shop.tick()
    assert host.heard == [("user:1", 1), ("user:2", 1)], "each queue has its turn"
    host.shop.tick()

    assert sorted(host.heard) == [(owner, number) for owner in ("user:1", "user:2") for number in (1, 2)]


@pytest.mark.each_database
def test_a_long_queue_is_looked_at_by_its_first_delivery_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,000 wait behind one that fails; who is due behind them is found, by indexes."""
    monkeypatch.setattr(due_queues, "WINDOW", 50)
    now = shop.now()

    def fill() -> None:
        session = shop.prepaid.session
        session.execute(insert(Message), [message_of("user:1", n, now) for n in range(3_000)])
        session.execute(insert(Message), [message_of("user:2", 3_000, now)])
        ids = session.execute(select(Message.id, Message.owner).order_by(Message.id)).all()
        rows = [delivery_of(id, owner, now - timedelta(minutes=1)) for id, owner in ids]
        rows[0]["next_try_at"] = now + timedelta(hours=1)
        session.execute(insert(Delivery), rows)
        session.commit()
        session.execute(text("ANALYZE"))
        session.commit()

    shop.read(fill)
    due = shop.read(lambda: due_queues.due(shop.prepaid.session, now, limit=9, endpoints=False))
    assert due == [Queue("user:2", Target.RECEIVERS)]

    first = Queue("user:1", Target.RECEIVERS)
    for statement, index in (
        (due_queues.due_rows(now, endpoints=False), "ix_prepaid_delivery_due"),
        (queues.first_from(first), "ix_prepaid_delivery_queue"),
        (queues.first_from(first, behind=True), "ix_prepaid_delivery_queue"),
    ):
        require_index(shop, statement, index)


@pytest.mark.each_database
def test_what_waits_for_endpoints_that_are_off_hides_nobody_elses(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than is looked at in one go waits for some that failed; behind it all, one that is on is due."""
    monkeypatch.setattr(due_queues, "WINDOW", 10)
    monkeypatch.setattr(due_queues, "SCANNED", 5)
    now = shop.now()
    owners = [f"user:{n}" for n in range(10, 40)]

    def fill() -> Queue:
        session = shop.prepaid.session
        off = {
            "secret": "s",
            "off_because": OffBecause.FAILED,
            "created_at": now,
            "url": "https://off.example",
        }
        session.execute(insert(WebhookEndpoint), [{**off, "owner": owner} for owner in owners])
        session.execute(
            insert(WebhookEndpoint), [{**off, "owner": f"user:{n}", "off_because": None} for n in (24, 25)]
        )
        session.execute(insert(Message), [message_of("user:1", 1, now)])
        message = session.scalars(select(Message.id)).one()
        rows = session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)).all()
        wait = [
            {
                **delivery_of(message, row.owner, now - timedelta(hours=1)),
                "endpoint_id": row.id,
                "state": DeliveryState.PAUSED if row.off_because else DeliveryState.WAITING,
            }
            for row in rows[:-1]
        ]
        busy = {**wait[-1], "next_try_at": now - timedelta(minutes=30)}
        wait[-1]["next_try_at"] = now + timedelta(hours=1)  # it fails: what is behind it fills the window
        last = {**busy, "endpoint_id": rows[-1].id, "owner": rows[-1].owner, "next_try_at": now}
        all_of_them = [{**row, "target": Target.ENDPOINT} for row in (*wait, *[busy] * 2_000, last)]
        session.execute(insert(Delivery), all_of_them)
        session.commit()
        session.execute(text("ANALYZE"))
        session.commit()
        return Queue(rows[-1].owner, Target.ENDPOINT, rows[-1].id)

    on = shop.read(fill)
    for _ in range(5):
        due = shop.read(lambda: due_queues.due(shop.prepaid.session, now, limit=9, endpoints=True))
        assert due == [on]
        start = shop.read(lambda: due_queues._somewhere(shop.prepaid.session))
        assert "user:1" <= start < "user:4"
    require_index(shop, due_queues.due_rows(now, endpoints=True), "ix_prepaid_delivery_due_endpoint")
    require_index(shop, queues.first_from(on, behind=True), "ix_prepaid_delivery_queue")


@pytest.mark.each_database
def test_what_was_sent_and_what_waits_for_others_is_not_gone_through(shop: Shop) -> None:
    """6,000 were sent, and 3,000 wait for endpoints; three mails that are due are read by their own index."""
    now = shop.now()

    def fill() -> None:
        session = shop.prepaid.session
        session.execute(insert(Message), [message_of("user:1", 1, now)])
        mail = delivery_of(session.scalars(select(Message.id)).one(), "user:1", now)
        mail["target"] = Target.MAIL
        states = [DeliveryState.WAITING] * 3 + [DeliveryState.DONE] * 6_000 + [DeliveryState.GIVEN_UP]
        session.execute(insert(Delivery), [{**mail, "state": state} for state in states])
        to_endpoint = {**mail, "target": Target.ENDPOINT, "next_try_at": now - timedelta(hours=1)}
        session.execute(insert(Delivery), [{**to_endpoint, "endpoint_id": n} for n in range(1, 3_001)])
        session.commit()
        session.execute(text("ANALYZE"))
        session.commit()

    shop.read(fill)
    reads: tuple[tuple[Callable[[Session], object], str], ...] = (
        (lambda s: s.execute(due_queues.due_rows(now, endpoints=False)), "ix_prepaid_delivery_due"),
        (lambda s: s.execute(due_queues.due_rows(now, endpoints=True)), "ix_prepaid_delivery_due_endpoint"),
        (summary.failing, "ix_prepaid_delivery_due"),
        (given_up.count, "ix_prepaid_delivery_given_up"),
        (given_up.oldest, "ix_prepaid_delivery_given_up"),
    )
    for read, index in reads:
        plan = shop.read(partial(plan_of_what_runs, shop, read))
        assert re.search(rf"{index}\b", plan), plan
        assert "Seq Scan on prepaid_delivery" not in plan


def message_of(owner: str, number: int, at: datetime) -> dict[str, Any]:
    return {"uid": f"msg_{number}", "owner": owner, "signal": "credits-added", "data": "{}", "at": at}


def delivery_of(message_id: int, owner: str, at: datetime) -> dict[str, Any]:
    return {"message_id": message_id, "owner": owner, "target": Target.RECEIVERS, "next_try_at": at}


def require_index(shop: Shop, statement: Select[*tuple[Any, ...]], index: str) -> None:
    plan = shop.read(partial(plan_of, shop, statement))
    assert index in plan, plan
    assert "Seq Scan on prepaid_delivery" not in plan
    assert "SCAN prepaid_delivery\n" not in plan


def plan_of_what_runs(shop: Shop, read: Callable[[Session], object]) -> str:
    """How the database reads what ``read`` asks for, its values bound as they are when it runs."""
    connection = shop.prepaid.session.connection()
    words = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    read(shop.prepaid.session)
    event.remove(connection, "before_cursor_execute", note)
    plans = [connection.exec_driver_sql(f"{words} {statement}", values) for statement, values in sent]
    return "\n".join(str(row[-1]) for plan in plans for row in plan)


def plan_of(shop: Shop, statement: Select[*tuple[Any, ...]]) -> str:
    """How the database would read a statement; on PostgreSQL without its liking for small tables."""
    connection = shop.prepaid.session.connection()
    words = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    compiled = statement.compile(connection.engine, compile_kwargs={"literal_binds": True})
    return "\n".join(str(row[-1]) for row in connection.execute(text(f"{words} {compiled}")))
