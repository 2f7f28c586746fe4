"""Long answers: few at a time, and none holds what others need."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial

import pytest
from sqlalchemy import QueuePool, event
from sqlalchemy.exc import OperationalError

from rando_number.edge.streams import AT_ONCE
from rando_number.extensions import db

from ..running_shop import RunningShop, Visitor


def begun(customer: Visitor, path: str = "/usage.csv") -> Callable[[], object]:
    """A download that was asked for and is not taken; returns what closes it."""
    own = copy_context()  # as a server gives each request one: an answer on its way keeps its context open
    answer = own.run(customer.client.get, path, buffered=False)
    assert answer.status_code == 200, answer.status_code
    return partial(own.run, answer.close)


def connections(shop: RunningShop) -> int:
    with shop.app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout()


@pytest.mark.parametrize("path", ["/usage.csv", "/usage.json", "/export.json"])
def test_a_download_keeps_no_connection_while_it_is_sent(any_shop: RunningShop, path: str) -> None:
    customer = any_shop.customer()
    customer.draw()

    close = begun(customer, path)

    assert connections(any_shop) == 0
    close()


def test_a_customer_downloads_one_file_at_a_time(shop: RunningShop) -> None:
    customer = shop.customer()
    close = begun(customer)

    refused = customer.get("/usage.json")
    close()

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert customer.get("/usage.json").status_code == 200


def test_so_many_downloads_are_written_at_once_and_pages_go_on(shop: RunningShop) -> None:
    customers = [shop.customer(f"c{n}@rando.test") for n in range(AT_ONCE + 1)]
    closes = [begun(customer) for customer in customers[:AT_ONCE]]

    refused = customers[-1].get("/usage.csv")

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert customers[-1].get("/user-profile").status_code == 200
    for close in closes:
        close()
    assert customers[-1].get("/usage.csv").status_code == 200


def test_downloads_have_a_limit(guarded_shop: RunningShop) -> None:
    customer = guarded_shop.customer()

    statuses = [customer.get("/usage.csv").status_code for _ in range(61)]

    assert statuses == [200] * 60 + [429]


def test_a_download_that_the_database_breaks_off_keeps_no_place(shop: RunningShop) -> None:
    customer = shop.customer()

    def goes_away(connection: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("the server has closed the connection"))

    with shop.app.app_context():
        engine = db.engine
    event.listen(engine, "commit", goes_away)
    assert customer.get("/export.json").status_code == 503
    event.remove(engine, "commit", goes_away)

    assert customer.get("/export.json").status_code == 200
