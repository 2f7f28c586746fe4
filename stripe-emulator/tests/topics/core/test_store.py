"""The store finds what is asked for without looking at everything."""

from __future__ import annotations

import pytest

from stripe_emulator import Emulator
from stripe_emulator.core import store
from stripe_emulator.core.conditions import conditions
from stripe_emulator.core.schema import INDEXED


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
