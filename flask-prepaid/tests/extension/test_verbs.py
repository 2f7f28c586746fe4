"""The ledger's verbs on ``Prepaid``: in the host's session, by the app's settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, text

from flask_prepaid import Prepaid
from flask_prepaid.errors import ConfigError
from flask_prepaid.payments.models import PaymentState
from prepaid_ledger import SpendRequest, WalletBlocked

from .host import OWNER, Host


def test_a_spend_is_committed_with_the_hosts_own_work_or_not_at_all(host: Host) -> None:
    host.grant(10)

    host.prepaid.spend(OWNER, credits=3, key="report:1")
    host.db.session.rollback()
    assert host.prepaid.balance(OWNER) == 10

    host.prepaid.spend(OWNER, credits=3, key="report:1")
    host.db.session.commit()
    assert host.prepaid.balance(OWNER) == 7


def test_the_domain_reaches_the_same_books_in_the_same_session(host: Host) -> None:
    host.prepaid.ledger.purchase(OWNER, 5, key="sale:1", amount_minor=500, currency="usd")

    assert host.prepaid.balance(OWNER) == 5
    host.db.session.rollback()
    assert host.prepaid.balance(OWNER) == 0


@pytest.mark.parametrize(
    "write",
    [
        lambda prepaid, key: prepaid.spend(OWNER, key=key),
        lambda prepaid, key: prepaid.spend_now(OWNER, key=key),
        lambda prepaid, key: prepaid.spend_many([SpendRequest(OWNER, 1, key)]),
        lambda prepaid, key: prepaid.reverse(OWNER, spend_key="report:1", key=key),
        lambda prepaid, key: prepaid.grant(OWNER, 5, key=key, reason="a gift"),
        lambda prepaid, key: list(prepaid.grant_many([OWNER], 5, key=key, reason="a gift")),
        lambda prepaid, key: prepaid.purchase(OWNER, 5, key=key, amount_minor=500, currency="usd"),
        lambda prepaid, key: prepaid.adjust(OWNER, 5, key=key, reason="a mistake"),
        lambda prepaid, key: prepaid.claw_back(OWNER, lot_key="gift", key=key, credits=1),
        lambda prepaid, key: prepaid.restore(OWNER, claw_key="back", key=key),
        lambda prepaid, key: asyncio.run(prepaid.async_ledger().spend_now(OWNER, key=key)),
        lambda prepaid, key: asyncio.run(prepaid.async_ledger().grant(OWNER, 5, key=key, reason="a gift")),
        lambda prepaid, key: prepaid.books.grant(OWNER, 5, key=key, reason="a gift"),
    ],
)
def test_a_key_of_the_extensions_own_is_left_to_it(host: Host, write: Callable[[Prepaid, str], Any]) -> None:
    """A host that numbers its own payments would have the customer's next one bring nothing."""
    host.grant(10)
    host.prepaid.spend(OWNER, credits=3, key="report:1")
    host.prepaid.claw_back(OWNER, lot_key="gift", key="back", credits=1)
    host.db.session.commit()

    for key in (
        "payment:1",
        "invoice:1",
        "invoice:1:month:2",
        "code:1",
        "referral:1",
        "once:pro",
        "balance:1",
    ):
        with pytest.raises(ValueError, match=rf"^key is '{key}'\. Keys that begin with .*such as my-{key}$"):
            write(host.prepaid, key)
    host.db.session.rollback()

    assert host.prepaid.balance(OWNER) == 6
    write(host.prepaid, "my-payment:1")


@pytest.mark.parametrize("blocks", [True, False])
def test_the_setting_says_whether_a_debt_blocks(database: URL, blocks: bool) -> None:
    host = Host(database, PREPAID_DEBT_BLOCKS=blocks)
    host.prepaid.purchase(OWNER, 10, key="sale:1", amount_minor=1000, currency="usd")
    host.prepaid.spend(OWNER, credits=10, key="report:1")
    host.prepaid.claw_back(OWNER, lot_key="sale:1", key="refund:1", refunded_minor=1000)
    host.prepaid.adjust(OWNER, 1, key="mistake:1", reason="counted again")
    host.db.session.commit()

    if blocks:
        with pytest.raises(WalletBlocked):
            host.prepaid.spend_now(OWNER, key="report:2")
    else:
        assert host.prepaid.spend_now(OWNER, key="report:2").balance == 0
    assert host.prepaid.audit() == []
    host.close()


def test_a_database_that_cannot_keep_money_safe_is_refused() -> None:
    app = Flask("unsafe")
    app.config.update(TESTING=True, SQLALCHEMY_DATABASE_URI="sqlite://")
    db = SQLAlchemy(app)

    with pytest.raises(ConfigError, match="journal_mode is 'memory'"):
        Prepaid(app, db)


def test_a_purchase_without_its_payment_is_named_and_a_payment_without_its_purchase(database: URL) -> None:
    host = Host(database)
    host.prepaid.ledger.purchase(OWNER, 5, key="payment:404", amount_minor=500, currency="usd")
    host.db.session.execute(
        text(
            "INSERT INTO prepaid_payment (id, owner, via, state, title, credits, amount_minor, currency,"
            " charged_minor, discount_minor, tax_minor, taxed, refunded_minor, idempotency_key, created_at,"
            f" checks, failure_counted) VALUES (7, '{OWNER}', 'checkout', '{PaymentState.PAID}', '9 credits',"
            " 9, 900, 'usd', 900, 0, 0, '', 0, 'k', '2026-01-01 00:00:00', 0, false)"
        )
    )
    host.db.session.commit()

    assert {(problem.invariant, problem.message) for problem in host.prepaid.audit()} == {
        ("I2", "payment 7 is paid, and has not brought its 9 credits"),
        ("I3", "'payment:404' brought 5 credits, and there is no such payment that is paid"),
    }
    host.close()
