"""Other ledgers, each by its own public call with a key; it runs in the virtual environment that they are in.

As a program it is one process of several. ``peers.py prepare NAME URL WALLETS`` makes the tables, and wallets
with credits. ``peers.py spend NAME URL FIRST LAST CALLERS SECONDS`` prints how many spends it has committed.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import psycopg

CREDITS = 10**9

#: Until connections are open.
WARM_S = 1.0

#: The two tables that credit-ledger's package asks for and does not bring.
CREDIT_LEDGER = """
CREATE TABLE credit_balance (
    tenant_id text PRIMARY KEY, credits numeric(18, 4) NOT NULL CHECK (credits >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE credit_ledger (
    id uuid PRIMARY KEY, tenant_id text NOT NULL REFERENCES credit_balance, delta numeric(18, 4) NOT NULL,
    reason text NOT NULL, idempotency_key text, balance_after numeric(18, 4) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (tenant_id, idempotency_key)
)
"""

#: Each wallet of pgledger gets its credits from the account that is called bank.
GIFTS = f"""
SELECT pgledger_create_transfer(bank.id, wallet.id, '{CREDITS}')
FROM pgledger_accounts_view wallet, pgledger_accounts_view bank
WHERE bank.name = 'bank' AND wallet.name <> 'bank'
"""

#: Spends one credit of a wallet by its number.
Spend = Callable[[int], object]
SpendAsync = Callable[[int], Awaitable[object]]


def new_key() -> str:
    return f"call:{uuid.uuid4().hex}"


def prepare_nostro(url: str, wallets: int) -> None:
    nostro, migrate = import_module("nostro"), import_module("nostro.migrate.runner")
    migrate.migrate(dsn=url, scale=0)
    ledger = nostro.Ledger(dsn=url, scale=0)
    for number in range(1, wallets + 1):
        ledger.accounts.get_or_create(f"user:{number}", "main")
        ledger.credit(
            nostro.AccountKey(f"user:{number}", "main"),
            ledger.amount(CREDITS),
            category="gift",
            idempotency_key=f"gift:{number}",
        )
    ledger.close()


def prepare_credit_ledger(url: str, wallets: int) -> None:
    with psycopg.connect(url) as connection:
        for statement in CREDIT_LEDGER.split(";"):
            connection.execute(statement.encode())
        connection.execute(
            "INSERT INTO credit_balance (tenant_id, credits) "
            "SELECT 'user:' || n, %s FROM generate_series(1, %s) n",
            (CREDITS, wallets),
        )


def prepare_pgledger(url: str, wallets: int) -> None:
    """Accounts are named by their wallet; ``bank`` is where the credits of all come from."""
    account = "SELECT pgledger_create_account(%s, 'CREDIT', %s, true)"
    with psycopg.connect(url) as connection:
        connection.execute(account, ("bank", True))
        for number in range(1, wallets + 1):
            connection.execute(account, (f"user:{number}", False))
        connection.execute(GIFTS)


def nostro_in_threads(url: str, callers: int) -> Spend:
    nostro, pools = import_module("nostro"), import_module("psycopg_pool")
    ledger = nostro.Ledger(pool=pools.ConnectionPool(url, min_size=callers, open=True), scale=0)
    credit = ledger.amount(1)
    return lambda number: ledger.debit(
        nostro.AccountKey(f"user:{number}", "main"), credit, category="call", idempotency_key=new_key()
    )


async def nostro_awaited(url: str, callers: int) -> SpendAsync:
    nostro, pools = import_module("nostro"), import_module("psycopg_pool")
    pool = pools.AsyncConnectionPool(url, min_size=callers, open=False)
    await pool.open()
    ledger = nostro.AsyncLedger(pool=pool, scale=0)
    credit = ledger.amount(1)

    async def spend(number: int) -> object:
        account = nostro.AccountKey(f"user:{number}", "main")
        return await ledger.debit(account, credit, category="call", idempotency_key=new_key())

    return spend


def credit_ledger(url: str, callers: int) -> Spend:
    alchemy, metering = import_module("sqlalchemy"), import_module("credit_ledger.metering")
    engine = alchemy.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=callers
    )

    def spend(number: int) -> object:
        charge = metering.decrement(f"user:{number}", 1, idempotency_key=new_key(), engine=engine)
        assert charge.ok, "every wallet has enough"
        return charge

    return spend


def pgledger(url: str, callers: int) -> Spend:
    """It has no keys: what names the call stands in its metadata."""
    with psycopg.connect(url) as connection:
        accounts: dict[str, str] = dict(
            connection.execute("SELECT name, id FROM pgledger_accounts_view").fetchall()
        )
    mine = threading.local()
    transfer = (
        "SELECT id FROM pgledger_create_transfer(%s, %s, '1', NULL, jsonb_build_object('key', %s::text))"
    )

    def spend(number: int) -> object:
        if not hasattr(mine, "connection"):
            mine.connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        return mine.connection.execute(transfer, (accounts[f"user:{number}"], accounts["bank"], new_key()))

    return spend


PREPARE = {"hf-nostro": prepare_nostro, "credit-ledger": prepare_credit_ledger, "pgledger": prepare_pgledger}
THREADS = {"hf-nostro": nostro_in_threads, "credit-ledger": credit_ledger, "pgledger": pgledger}
AWAITED = {"hf-nostro, awaited": nostro_awaited}


def in_threads(spend: Spend, first: int, last: int, callers: int, seconds: float) -> int:
    counts, begin = [0] * callers, time.monotonic() + WARM_S

    def spend_again_and_again(place: int) -> None:
        while (now := time.monotonic()) < begin + seconds:
            spend(random.randint(first, last))
            counts[place] += now >= begin

    threads = [threading.Thread(target=spend_again_and_again, args=(place,)) for place in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


async def awaited(
    make: Callable[[str, int], Awaitable[SpendAsync]],
    url: str,
    first: int,
    last: int,
    callers: int,
    seconds: float,
) -> int:
    spend, count, begin = await make(url, callers), 0, time.monotonic() + WARM_S

    async def spend_again_and_again() -> None:
        nonlocal count
        while (now := time.monotonic()) < begin + seconds:
            await spend(random.randint(first, last))
            count += now >= begin

    await asyncio.gather(*(spend_again_and_again() for _ in range(callers)))
    return count


def main(verb: str, name: str, url: str, *numbers: Any) -> None:
    if verb == "prepare":
        PREPARE[name](url, int(numbers[0]))
        return
    first, last, callers, seconds = map(int, numbers)
    if name in AWAITED:
        print(asyncio.run(awaited(AWAITED[name], url, first, last, callers, seconds)), flush=True)
    else:
        print(in_threads(THREADS[name](url, callers), first, last, callers, seconds), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
