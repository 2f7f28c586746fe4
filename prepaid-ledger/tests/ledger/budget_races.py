"""Two processes with 16 callers each, who all spend one budget until it refuses them: it gives what it has.

Run as a program it is one such process. It reads an owner a line, spends as ``key:1`` until each caller is
refused, and answers with how many spends it was granted.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import URL, Engine, create_engine

from prepaid_ledger import BudgetExceeded, Busy, Ledger
from prepaid_ledger.aio import AsyncLedger

SPENDER = "key:1"
PROCESSES = 2

#: In each process: half of them on threads, of which every other one holds and captures; half are awaited.
CALLERS = 16


@dataclass
class Outcome:
    """What came of the rounds. All is well if ``wrong`` is empty."""

    rounds: int = 0
    granted: int = 0
    wrong: list[str] = field(default_factory=list)


def race(url: URL, *, rounds: int, budget: int) -> Outcome:
    """So many rounds, each on a wallet of its own with ``budget`` credits to spend in its month."""
    engine = create_engine(url)
    ledger = Ledger(engine)
    outcome = Outcome()
    with racing(url) as processes:
        for number in range(rounds):
            owner = f"org:{number}"
            ledger.grant(owner, 10 * budget, key="gift", reason="to spend")
            ledger.set_budget(owner, budget, spender=SPENDER, every="month")
            ledger.set_budget(owner, 2 * budget)
            granted = sum(ask(processes, owner))
            spent = [state.spent for state in ledger.budgets(owner)]
            taken = 10 * budget - ledger.balance(owner)
            if [granted, taken, *spent] != [budget] * 4:
                outcome.wrong.append(f"{owner}: {granted} granted, {taken} taken, {spent} counted")
            outcome.rounds += 1
            outcome.granted += granted
    outcome.wrong += [str(problem) for problem in ledger.audit()]
    engine.dispose()
    return outcome


Process = subprocess.Popen[str]


def ask(processes: list[Process], owner: str) -> Iterator[int]:
    """Have all of them spend at once, and how many spends each was granted."""
    for process in processes:
        assert process.stdin is not None
        print(owner, file=process.stdin, flush=True)
    for process in processes:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def racing(url: URL) -> Iterator[list[Process]]:
    command = [sys.executable, __file__, url.render_as_string(hide_password=False)]
    processes = [
        subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.communicate()


def work(engine: Engine) -> None:
    ledger = Ledger(engine)
    awaited = Loop(ledger)
    for line in sys.stdin:
        owner = line.strip()
        counts = [0] * (CALLERS // 2)
        threads = [
            threading.Thread(target=spend_until_refused, args=(ledger, owner, caller, counts))
            for caller in range(CALLERS // 2)
        ]
        for thread in threads:
            thread.start()
        granted = awaited.run(owner)
        for thread in threads:
            thread.join()
        sys.stdout.write(f"{granted + sum(counts)}\n")
        sys.stdout.flush()
    awaited.close()


def spend_until_refused(ledger: Ledger, owner: str, caller: int, counts: list[int]) -> None:
    for step in range(10**6):
        key = f"{os.getpid()}/{caller}/{step}"
        try:
            counts[caller] += spend_once(ledger, owner, key, holds=caller % 2 == 1)
        except BudgetExceeded:
            return


def spend_once(ledger: Ledger, owner: str, key: str, *, holds: bool) -> int:
    while True:
        try:
            if holds:
                ledger.hold(owner, 1, key=key, spender=SPENDER).capture()
            else:
                ledger.spend_now(owner, key=key, spender=SPENDER)
            return 1
        except Busy:
            continue  # the same key tells what came of it


class Loop:
    """One event loop and its ledger, for all rounds."""

    def __init__(self, ledger: Ledger) -> None:
        self.runner = asyncio.Runner()
        self.ledger = AsyncLedger(ledger)

    def run(self, owner: str) -> int:
        return self.runner.run(self._spend(owner))

    async def _spend(self, owner: str) -> int:
        return sum(await asyncio.gather(*(self._until_refused(owner, n) for n in range(CALLERS // 2))))

    async def _until_refused(self, owner: str, caller: int) -> int:
        granted = step = 0
        while True:
            key = f"{os.getpid()}/awaited/{caller}/{step}"
            try:
                await self.ledger.spend_now(owner, key=key, spender=SPENDER)
            except BudgetExceeded:
                return granted
            except Busy:
                continue
            granted, step = granted + 1, step + 1

    def close(self) -> None:
        self.runner.close()


if __name__ == "__main__":
    work(create_engine(sys.argv[1], max_overflow=20))
