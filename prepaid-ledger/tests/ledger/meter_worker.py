"""A program that delivers by two meters, one of them awaited, until somebody kills it.

It writes a line for each credit's worth that is delivered: ``sync`` or ``async``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from sqlalchemy import create_engine

from prepaid_ledger import Ledger
from prepaid_ledger.aio import AsyncLedger


def deliver(ledger: Ledger) -> None:
    with ledger.meter("user:1", key="sync", step=50) as meter:
        while True:
            meter.count()
            os.write(1, b"sync\n")


async def deliver_awaited(ledger: AsyncLedger) -> None:
    async with ledger.meter("user:1", key="async", step=50) as meter:
        while True:
            await meter.count()
            os.write(1, b"async\n")


if __name__ == "__main__":
    shared = Ledger(create_engine(sys.argv[1]))
    threading.Thread(target=deliver, args=(shared,)).start()
    asyncio.run(deliver_awaited(AsyncLedger(shared)))
