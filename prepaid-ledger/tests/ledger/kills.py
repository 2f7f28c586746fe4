"""Processes that spend, hold and grant on the same few wallets, and are killed with -9 as they go.

Run as a program it is one such process. It writes a line to its log for each thing
that the ledger has acknowledged; what is not logged may or may not have happened.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, select
from sqlalchemy.orm import Session

from prepaid_ledger import Entry, Ledger, PrepaidError
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.books import usage_sums
from prepaid_ledger.clock import wall
from prepaid_ledger.database.transactions import commit_alone
from prepaid_ledger.tables import Hold, HoldState, Wallet

OWNERS = ["user:1", "user:2", "user:3"]
SPENDERS = [None, "key:1", "key:2"]
ITEMS = [None, "report"]
THREADS = 4


@dataclass
class Toll:
    """What came of it. All is well if ``wrong`` is empty."""

    kills: int = 0
    acknowledged: int = 0
    entries: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Worker:
    """One process, and the log that it begins as soon as it works."""

    process: subprocess.Popen[bytes]
    log: Path

    def works(self) -> bool:
        return self.log.exists() and self.log.stat().st_size > 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def hammer(url: URL, folder: Path, *, kills: int, processes: int, seed: int) -> Toll:
    """Let processes hammer the ledger at ``url``, kill so many of them as they work, and count."""
    chance = random.Random(seed)
    toll = Toll()
    numbers = iter(range(10**6))
    set_budgets(url)
    with starting(url, folder, numbers) as start:
        running = [start() for _ in range(processes)]
        while toll.kills < kills and not toll.wrong:
            victim = chance.randrange(processes)
            with suppress(subprocess.TimeoutExpired):
                running[victim].process.wait(chance.uniform(0.02, 0.4))
                toll.wrong.append("a process has ended by itself")
            if running[victim].works():
                running[victim].kill()
                running[victim] = start()
                toll.kills += 1
    count(url, folder, toll)
    return toll


def set_budgets(url: URL) -> None:
    """Budgets that hold out, and one in each wallet that soon refuses."""
    engine = create_engine(url)
    ledger = Ledger(engine)
    for owner in OWNERS:
        ledger.set_budget(owner, 10**6, every="day")
        ledger.set_budget(owner, 10**6, spender="key:1")
        ledger.set_budget(owner, 100, spender="key:2", every="month", zone="Europe/Berlin")
    engine.dispose()


@contextmanager
def starting(url: URL, folder: Path, numbers: Iterator[int]) -> Iterator[Callable[[], Worker]]:
    started: list[Worker] = []

    def start() -> Worker:
        number = str(next(numbers))
        command = [sys.executable, __file__, url.render_as_string(hide_password=False), str(folder), number]
        started.append(Worker(subprocess.Popen(command), folder / f"{number}.log"))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            worker.kill()


def count(url: URL, folder: Path, toll: Toll) -> None:
    """Compare what was acknowledged with what is in the books."""
    engine = create_engine(url)
    ledger = Ledger(engine)
    promised: Counter[str] = Counter()
    for log in folder.glob("*.log"):
        promised.update(log.read_text().split())
    with Session(engine) as session:
        kept = Counter(session.scalars(select(Entry.key)))
        toll.wrong += [f"{key} was acknowledged, and is not in the books" for key in promised - kept]
        toll.wrong += [f"{key} was acknowledged twice" for key, times in promised.items() if times > 1]
        toll.wrong += [f"{key} is in the books twice" for key, times in kept.items() if times > 1]
        for wallet in session.scalars(select(Wallet)):
            if wallet.balance < 0 or wallet.held < 0:
                toll.wrong.append(f"{wallet.owner} has {wallet.balance}, {wallet.held} of it held")
    toll.wrong += [
        f"{owner} has spent {budget.spent} of {budget.credits}"
        for owner in OWNERS
        for budget in ledger.budgets(owner)
        if budget.spent > budget.credits
    ]
    toll.acknowledged, toll.entries = promised.total(), kept.total()
    toll.wrong += [str(problem) for problem in ledger.audit()]
    end_what_is_overdue(engine, toll)
    engine.dispose()


def end_what_is_overdue(engine: Engine, toll: Toll) -> None:
    """Holds of the killed end with their time: meters charge what they had written down."""
    later = Ledger(engine, clock=lambda: wall() + timedelta(hours=2))
    later.write_due()
    with Session(engine) as session:
        for hold in session.scalars(select(Hold)):
            charged_less = hold.counted and hold.captured < hold.counted
            if hold.state is HoldState.OPEN or charged_less:
                toll.wrong.append(f"{hold.key} is {hold.state}: {hold.captured} of {hold.counted} charged")
    toll.wrong += [str(problem) for problem in later.audit()]


def work(engine: Engine, folder: Path, number: str) -> None:
    """Do this and that for ever, and log what is acknowledged."""
    ledger = Ledger(engine, hold_expires_after=timedelta(seconds=1))
    log = os.open(folder / f"{number}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def on_and_on(thread: int) -> None:
        chance = random.Random(f"{number}/{thread}")
        for step in range(10**6):
            owner, key = chance.choice(OWNERS), f"{number}/{thread}/{step}"
            with suppress(PrepaidError):
                os.write(log, f"{do_something(ledger, chance, owner, key)}\n".encode())

    async def await_on_and_on(caller: int, awaited: AsyncLedger) -> None:
        chance = random.Random(f"{number}/awaited/{caller}")
        for step in range(10**6):
            key = f"{number}/awaited/{caller}/{step}"
            with suppress(PrepaidError):
                owner, spender = chance.choice(OWNERS), chance.choice(SPENDERS)
                await awaited.spend_now(owner, credits=chance.randint(1, 4), key=key, spender=spender)
                os.write(log, f"{key}\n".encode())

    async def await_together() -> None:
        awaited = AsyncLedger(ledger)
        await asyncio.gather(*(await_on_and_on(caller, awaited) for caller in range(THREADS)))

    threads = [threading.Thread(target=on_and_on, args=(thread,)) for thread in range(THREADS)]
    threads.append(threading.Thread(target=asyncio.run, args=(await_together(),)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # once the main thread ends, a pool of threads takes no more work


def do_something(ledger: Ledger, chance: random.Random, owner: str, key: str) -> str:
    """One of the verbs; the key of the entry that it has promised."""
    what = chance.random()
    if what < 0.2:
        ledger.grant(owner, chance.randint(1, 30), key=key, reason="more")
        return key
    if what < 0.35:
        hold = ledger.hold(owner, 5, key=key, spender=chance.choice(SPENDERS))
        hold.extend(8)
        hold.capture(chance.randint(3, 11), overrun=chance.choice(["spend", "debt"]))
        return f"hold:{key}"
    if what < 0.5:
        with ledger.meter(owner, key=key, spender=chance.choice(SPENDERS), step=2) as meter:
            for _ in range(5):
                meter.count()
        return f"hold:{key}" if meter.charged else ""
    spender, item = chance.choice(SPENDERS), chance.choice(ITEMS)
    ledger.spend_now(owner, credits=chance.randint(1, 4), key=key, spender=spender, item=item)
    if what < 0.6:
        ledger.reverse(owner, spend_key=key, key=f"undo:{key}")
    elif what < 0.65:
        commit_alone(ledger.setup.engine, lambda session: usage_sums.bring_up(session, owner))
    return key


if __name__ == "__main__":
    work(create_engine(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
