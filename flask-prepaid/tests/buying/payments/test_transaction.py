"""One way to commit: together or not at all, and the host hears of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.pool import QueuePool

from flask_prepaid import signals
from flask_prepaid.context import reading, transaction
from flask_prepaid.outbox.models import Notice

from ..shop import Shop


@pytest.fixture
def in_app(shop: Shop) -> Iterator[Shop]:
    with shop.app.app_context():
        yield shop


def notice(shop: Shop, owner: str) -> Notice:
    return Notice(owner=owner, about="balance-low", sent_at=shop.now())


def is_there(shop: Shop, owner: str) -> bool:
    return shop.prepaid.session.get(Notice, (owner, "balance-low")) is not None


def test_what_is_written_is_committed_and_then_its_signals_are_sent(in_app: Shop) -> None:
    shop, heard = in_app, []

    def hear(_: object, **sent: Any) -> None:
        heard.append((sent["owner"], is_there(shop, "user:1")))

    with signals.balance_low.connected_to(hear), transaction(shop.prepaid) as session:
        session.add(notice(shop, "user:1"))
        signals.after_commit(session, signals.balance_low, owner="user:1", credits=3)
        assert heard == []

    shop.prepaid.session.rollback()
    assert heard == [("user:1", True)]
    assert is_there(shop, "user:1")


def test_an_exception_takes_all_of_it_back_and_nobody_hears_of_it(in_app: Shop) -> None:
    shop, heard = in_app, []

    def hear(_: object, **sent: Any) -> None:
        heard.append(sent)

    def write_and_fail() -> None:
        with transaction(shop.prepaid) as session:
            session.add(notice(shop, "user:1"))
            signals.after_commit(session, signals.balance_low, owner="user:1", credits=3)
            raise ZeroDivisionError

    with signals.balance_low.connected_to(hear):
        with pytest.raises(ZeroDivisionError):
            write_and_fail()
        with transaction(shop.prepaid):
            pass

    assert heard == []
    assert not is_there(shop, "user:1")


def test_a_verb_that_commits_is_refused_inside_of_another_ones_transaction(in_app: Shop) -> None:
    inner = transaction(in_app.prepaid)
    with transaction(in_app.prepaid), pytest.raises(RuntimeError, match="commits by itself"), inner:
        pass

    with transaction(in_app.prepaid) as session:
        session.add(notice(in_app, "user:1"))
    assert is_there(in_app, "user:1")


def test_what_the_host_has_left_is_committed_before_a_transaction_and_stays_when_that_fails(
    in_app: Shop,
) -> None:
    shop = in_app
    shop.prepaid.session.add(notice(shop, "user:1"))

    def write_and_fail() -> None:
        with transaction(shop.prepaid) as session:
            session.add(notice(shop, "user:2"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    assert is_there(shop, "user:1")
    assert not is_there(shop, "user:2")


def test_a_read_gives_its_connection_back(in_app: Shop) -> None:
    pool = in_app.prepaid.engine.pool
    assert isinstance(pool, QueuePool)
    with reading(in_app.prepaid) as session:
        assert session.scalar(select(Notice.owner)) is None
        assert pool.checkedout() == 1
    assert pool.checkedout() == 0


def test_a_receiver_may_begin_a_transaction_of_its_own(in_app: Shop) -> None:
    shop = in_app

    def note(_: object, **sent: Any) -> None:
        with transaction(shop.prepaid) as session:
            session.add(notice(shop, "user:2"))

    with signals.balance_low.connected_to(note), transaction(shop.prepaid) as session:
        signals.after_commit(session, signals.balance_low, owner="user:1", credits=3)

    assert is_there(shop, "user:2")
