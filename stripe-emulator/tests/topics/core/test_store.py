"""The store finds what is asked for without looking at everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from stripe import InvalidRequestError, StripeClient

from stripe_emulator import Emulator
from stripe_emulator.core.database import store, undo
from stripe_emulator.core.database.conditions import conditions
from stripe_emulator.core.database.schema import INDEXED
from stripe_emulator.core.database.settings import get_setting, put_setting


@pytest.mark.parametrize("column", INDEXED)
def test_a_list_by_an_indexed_field_goes_by_its_index(stripe_emulator: Emulator, column: str) -> None:
    with stripe_emulator.store.transaction(write=False) as transaction:
        condition, values = conditions({column: "x"})
        sql = f"EXPLAIN QUERY PLAN SELECT id FROM object WHERE kind = ?{condition} ORDER BY created, seq"
        plan = transaction.execute(sql, ("charge", *values)).fetchall()

    assert f"object_by_{column} " in plan[0][-1]


def test_what_is_empty_is_found_by_none(stripe_emulator: Emulator) -> None:
    with stripe_emulator.store.transaction():
        for number, email in enumerate(["jo@example.com", None]):
            store.save({"object": "customer", "id": f"cus_{number}", "created": 1, "email": email})

        results = [store.select("customer", {"email": wanted}) for wanted in (None, "jo@example.com")]

    assert [[customer["id"] for customer in some] for some in results] == [["cus_1"], ["cus_0"]]


def test_a_list_of_ids_may_be_longer_than_sqlite_takes_variables(stripe_emulator: Emulator) -> None:
    ids = [f"cus_{number}" for number in range(300_000)]
    with stripe_emulator.store.transaction():
        for name in ("cus_7", "cus_here"):
            store.save({"object": "customer", "id": name, "created": 1, "email": None})

        customers = store.select("customer", {"id": ids})

    assert [customer["id"] for customer in customers] == ["cus_7"]


def test_what_waits_in_memory_is_found_and_outlives_a_transaction_that_is_undone() -> None:
    storage = Emulator().store
    with storage.transaction(lazy=True):
        store.save({"object": "customer", "id": "cus_1", "created": 1, "email": "jo@example.com"})
    with storage.transaction(lazy=True):
        by_id = store.get("customer", "cus_1")
        by_id["email"] = "jo@example.org"
        store.save(by_id)
        store.append({"object": "event", "id": "evt_1", "created": 1, "type": "customer.updated"})

    def write_and_fail() -> None:
        with storage.transaction(lazy=True):
            assert [customer["email"] for customer in store.select("customer")] == ["jo@example.org"]
            store.save({"object": "customer", "id": "cus_2", "created": 2})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    with storage.transaction(write=False) as transaction:
        kept = transaction.execute("SELECT kind, id, seq FROM object ORDER BY seq").fetchall()
    assert kept == [("customer", "cus_1", 1), ("event", "evt_1", 2)]


@pytest.mark.parametrize("in_a_file", [False, True])
def test_what_fails_alone_takes_nothing_of_what_was_done_before_it(tmp_path: Path, in_a_file: bool) -> None:
    storage = Emulator(tmp_path / "shop.sqlite3" if in_a_file else None).store

    def fail() -> None:
        with undo.savepoint():
            store.get("customer", "cus_1")["email"] = "lost@example.com"
            store.save(store.get("customer", "cus_1"))
            store.save({"object": "invoice", "id": "in_1", "created": 2})
            written = [len(store.select(kind)) for kind in ("invoice", "customer")]
            assert written == [1, 2]
            raise ZeroDivisionError

    with storage.transaction(lazy=True):
        store.save({"object": "customer", "id": "cus_1", "created": 1, "email": "jo@example.com"})
    with storage.transaction():
        store.save({"object": "customer", "id": "cus_2", "created": 1, "email": "al@example.com"})
        with pytest.raises(ZeroDivisionError):
            fail()
        with undo.savepoint():
            store.save({"object": "customer", "id": "cus_3", "created": 3, "email": "mo@example.com"})

    with storage.transaction(write=False):
        kept = {customer["id"]: customer["email"] for customer in store.select("customer")}
        assert not store.select("invoice")
        assert store.find("invoice", "in_1") is None
    assert kept == {"cus_1": "jo@example.com", "cus_2": "al@example.com", "cus_3": "mo@example.com"}


def test_an_answer_is_repeated_wherever_it_waits_meanwhile() -> None:
    emulator = Emulator()
    stripe = StripeClient("sk_test_1", http_client=emulator.http_client())

    def customer(key: str) -> str:
        return stripe.v1.customers.create({"name": key}, {"idempotency_key": key}).id

    first = customer("first")
    assert customer("first") == first  # it waits in memory
    with pytest.raises(InvalidRequestError):
        stripe.v1.customers.retrieve("cus_none", {"expand": ["nothing"]})
    emulator.save("then")  # it is written
    second = customer("second")
    assert [customer("first"), customer("second")] == [first, second]

    emulator.load("then")

    assert customer("first") == first
    assert customer("second") != second  # of that the state that was saved knew nothing


def test_what_one_process_remembers_another_may_change(tmp_path: Path) -> None:
    """Two stores on one file stand for two processes."""
    left, right = (Emulator(tmp_path / "stripe.db").store for _ in range(2))
    with left.transaction():
        put_setting("word", "old")
        assert store.all_of("webhook_endpoint") == []
    with right.transaction():
        assert get_setting("word") == "old"
        put_setting("word", "new")
        store.save({"object": "webhook_endpoint", "id": "we_1", "created": 1})

    with left.transaction(write=False):
        seen = get_setting("word"), [each["id"] for each in store.all_of("webhook_endpoint")]

    assert seen == ("new", ["we_1"])
    left.close()
    right.close()
