"""Callers who spend without a pause, each with its own record of what was answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from prepaid_ledger import Busy, Ledger
from prepaid_ledger.tables import Entry, Kind

#: How long a caller waits after a refusal, before it asks again under the same key.
PAUSE_S = 0.05


@dataclass
class Record:
    """What one caller was answered."""

    answered: list[str] = field(default_factory=list)
    refused: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    last_s: float = field(default_factory=time.monotonic)
    longest_s: float = 0.0
    slowest_s: float = 0.0


class Callers:
    """So many callers on one ledger, each with wallets of its own and one that all share."""

    def __init__(self, ledger: Ledger, callers: int, per_second: int) -> None:
        self.ledger = ledger
        self.records = [Record() for _ in range(callers)]
        self._ended = threading.Event()
        self._pause_s = callers / per_second
        self._threads = [
            threading.Thread(target=self._call, args=(number, record), daemon=True)
            for number, record in enumerate(self.records)
        ]
        for number in range(callers + 1):
            ledger.grant(f"user:{number}", 10**9, key="gift", reason="for a campaign")

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def answered(self) -> int:
        return sum(len(record.answered) for record in self.records)

    def since(self) -> float:
        """When the last of all answers came."""
        return max(record.last_s for record in self.records)

    def _call(self, number: int, record: Record) -> None:
        """Spend, each time under a new key; after a refusal under the same one, until it is answered."""
        shared = f"user:{len(self.records)}"
        for each in count():
            owner = shared if each % 10 == 0 else f"user:{number}"
            key = f"call:{number}:{each}"
            while not self._ended.is_set():
                began_s = time.monotonic()
                try:
                    self.ledger.spend_now(owner, credits=1, key=key)
                except Busy:
                    record.refused += 1
                except (DBAPIError, Exception) as fault:
                    record.faults[type(fault).__name__ + ": " + str(fault)[:80]] += 1
                else:
                    now_s = time.monotonic()
                    record.longest_s = max(record.longest_s, now_s - record.last_s)
                    record.last_s = now_s
                    record.answered.append(f"{owner} {key}")
                    break
                finally:
                    record.slowest_s = max(record.slowest_s, time.monotonic() - began_s)
                time.sleep(PAUSE_S)
            if self._ended.is_set():
                return
            time.sleep(self._pause_s)


@dataclass(frozen=True)
class Count:
    """What the books say of what the callers were answered."""

    answered: int
    lost: int
    doubled: int


def compare(engine: Engine, callers: Callers) -> Count:
    """Look for each answered spend in the books: there once, or lost, or there twice."""
    from prepaid_ledger.tables import Wallet

    spends = select(Wallet.owner, Entry.key).join(Wallet, Entry.of(Wallet))
    with engine.connect() as connection:
        present = Counter(
            f"{owner} {key}" for owner, key in connection.execute(spends.where(Entry.kind == Kind.SPEND))
        )
    answered = [name for record in callers.records for name in record.answered]
    return Count(
        answered=len(answered),
        lost=sum(name not in present for name in answered),
        doubled=sum(times > 1 for times in present.values()),
    )
