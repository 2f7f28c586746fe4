"""The database alone: the same rows written by one statement, with no web and no ORM around it.

Run as a program, it is one process of several: ``bare.py URL THREADS SECONDS USER...`` prints
how many spends it has committed.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import psycopg

from prepaid_ledger.slots import slot_of

#: Lock and move the wallet, append the entry, keep the number.
SPEND = """
WITH wallet AS (
    UPDATE prepaid_wallet SET balance = balance - 1, seq = seq + 1, moved_at = clock_timestamp()
    WHERE slot = %(slot)s AND owner = %(owner)s AND balance - held >= 1 AND debt = 0
        AND (next_expiry_at IS NULL OR next_expiry_at > clock_timestamp())
    RETURNING id, slot, seq, balance, moved_at
), entry AS (
    INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at)
    SELECT id, slot, seq, 'spend', %(key)s, -1, 0, balance, moved_at FROM wallet
)
INSERT INTO numbers (user_id, id, "values", created_at, charged)
SELECT %(user)s, %(id)s, '[7]', moved_at, 1 FROM wallet
"""


def spends(url: str, users: Sequence[int], *, clients: int, seconds: float) -> float:
    """Spends a second from ``clients`` connections, four of them in a process."""
    processes = max(1, clients // 4)
    command = [sys.executable, __file__, url, str(clients // processes), str(seconds), *map(str, users)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    counts = [int(child.communicate()[0]) for child in children]
    assert all(counts), "each process spends, or its error stands above"
    return sum(counts) / seconds


def work(url: str, threads: int, seconds: float, users: list[int]) -> int:
    counts = [0] * threads
    ready = threading.Barrier(threads)

    def spend(mine: int) -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
            turn = itertools.cycle(users[mine * 7 % len(users) :] + users[: mine * 7 % len(users)])
            ready.wait()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                user, name = next(turn), f"{time.time_ns():x}"[-12:] + f"{threading.get_native_id():05x}"[-5:]
                done = connection.execute(
                    SPEND,
                    {
                        "owner": f"user:{user}",
                        "slot": slot_of(f"user:{user}"),
                        "key": name,
                        "user": user,
                        "id": name,
                    },
                )
                assert done.rowcount == 1, "every wallet has enough"
                counts[mine] += 1

    running = [threading.Thread(target=spend, args=(i,)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(counts)


if __name__ == "__main__":
    print(work(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), [int(word) for word in sys.argv[4:]]))
