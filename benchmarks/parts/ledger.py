"""The ledger alone, as the fast path uses it: awaited spends, a number with each, and no web around it.

Run as a program, it is one process of several: ``ledger.py FIRST LAST CALLERS SECONDS [SPENDER ITEM]``, with
the shop's settings in the environment, prints how many spends it has committed, each of any of those wallets.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from flask_prepaid import Caller
from flask_prepaid.fast_path.sale import new_id
from rando_number import create_app
from rando_number.extensions import prepaid
from rando_number.numbers import NUMBER, Ask

PROCESSES = 2

#: Until connections are open and statements prepared.
WARM_S = 1.0


def spends(
    environment: Mapping[str, str], wallets: range, *, callers: int, seconds: float, use: Sequence[str] = ()
) -> float:
    """Spends a second by ``callers`` in each process, who ask again as soon as they are answered.

    :param wallets: The users whose wallets they take.
    :param use: Spender and item of each spend, if any.
    """
    numbers = (wallets.start, wallets.stop - 1, callers, seconds)
    command = [sys.executable, __file__, *map(str, numbers), *use]
    children = [
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    return sum(int(child.communicate()[0]) for child in children) / seconds


async def work(first: int, last: int, callers: int, seconds: float, use: Mapping[str, str]) -> int:
    ledger = prepaid.async_ledger()
    count = 0
    begin = time.monotonic() + WARM_S

    async def spend_again_and_again() -> None:
        nonlocal count
        while (now := time.monotonic()) < begin + seconds:
            caller = Caller(f"user:{random.randint(first, last)}")
            _, terms = NUMBER.begin(caller, Ask(), new_id(), prepaid.clock())
            await ledger.spend_now(caller.owner, **{**terms, **use})
            count += now >= begin

    await asyncio.gather(*(spend_again_and_again() for _ in range(callers)))
    return count


if __name__ == "__main__":
    first, last, callers, seconds, *use = sys.argv[1:]
    named = dict(zip(("spender", "item"), use, strict=False))
    with create_app().app_context():
        print(asyncio.run(work(int(first), int(last), int(callers), float(seconds), named)))
