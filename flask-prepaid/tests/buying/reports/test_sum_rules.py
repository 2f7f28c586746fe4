"""The audit's rules about sums: each holds in a shop that has lived, and each names what breaks it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ..shop import Shop
from .made_up_days import client_of

#: What somebody's hand changes in a table, how it is changed back, and what the audit then names.
HANDS = {
    "a fee": ("UPDATE prepaid_movement SET net_minor = net_minor {} 1", "I11", "Stripe's balance moved by"),
    "a day of sales": ("UPDATE prepaid_day_sum SET tax_minor = tax_minor {} 1", "I11", "reports say"),
    "a day of revenue": (
        "UPDATE prepaid_credit_sum SET worth_minor = worth_minor {} 1 WHERE kind = 'deferred'",
        "I11",
        "are deferred",
    ),
    "a customer": ("UPDATE prepaid_owner_sum SET gross_minor = gross_minor {} 1", "I11", "was charged"),
    "a day of credits": ("UPDATE prepaid_credit_sum SET credits = credits {} 1", "I11", "the entries"),
}


#: How the guard of entries is taken away, and what says how it is put back: the audit compares each letter.
GUARD = {
    "sqlite": (
        "DROP TRIGGER prepaid_entry_no_update",
        "SELECT sql FROM sqlite_master WHERE name = 'prepaid_entry_no_update'",
    ),
    "postgresql": (
        "ALTER TABLE prepaid_entry DISABLE TRIGGER prepaid_entry_no_change",
        "SELECT 'ALTER TABLE prepaid_entry ENABLE TRIGGER prepaid_entry_no_change'",
    ),
}


@pytest.mark.parametrize("what", HANDS)
def test_a_sum_that_somebody_changed_is_named(shop: Shop, what: str) -> None:
    shop.pay(shop.buy())
    shop.command("sync")
    shop.tick()
    change, invariant, words = HANDS[what]

    with shop.app.app_context():
        for sign in "+-":
            shop.prepaid.session.execute(text(change.format(sign)))
            shop.prepaid.session.commit()
            problems = shop.prepaid.audit()
            if sign == "+":
                assert [problem.invariant for problem in problems] == [invariant] * len(problems)
                assert words in problems[0].message
    assert problems == []


@pytest.mark.each_database
def test_less_clawed_back_than_the_money_that_went_is_named(shop: Shop, kind: str) -> None:
    take_away, how_to_put_back = GUARD[kind]
    shop.pay(shop.buy())
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=60, key="work")
    client_of(shop).v1.refunds.create({"payment_intent": str(shop.payments()[0].payment_intent_id)})
    shop.stripe.deliver()
    assert shop.audit() == []

    with shop.app.app_context():
        session = shop.prepaid.session
        put_back = session.execute(text(how_to_put_back)).scalar_one()
        session.execute(text(take_away))
        for sign in "-+":
            session.execute(
                text(
                    f"UPDATE prepaid_entry SET amount_minor = amount_minor {sign} 100 WHERE kind = 'clawback'"
                )
            )
            session.commit()
            if sign == "-":
                problems = shop.prepaid.audit()
        session.execute(text(put_back))
        session.commit()

    assert [problem.message for problem in problems if problem.invariant == "I7"] == [
        f"'payment:{shop.payments()[0].id}': 100 of its 100 credits are taken or owed,"
        " not 80, which is what its refunds take"
    ]
