"""Calls to the shop with its ledger in one piece, and in partitions: over HTTP, in turns."""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from .databases import make, postgresql
from .load import Call, drive, shop_server
from .rando import Shop


def compare(
    folder: Path, *, customers: int, rounds: int, seconds: float, clients: int, partitions: int
) -> dict[str, object]:
    """The medians of both, and the median of the ratios of each round; afterwards the books are audited."""
    seen = {"one piece": 0, "parted": 0}
    rates: dict[str, list[float]] = {name: [] for name in seen}
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql())
        shops, calls = {}, {}
        for name, parts in (("one piece", None), ("parted", partitions)):
            url = make(cluster, name.replace(" ", "_"))
            shop = shops[name] = Shop.open(folder / name, url, customers, partitions=parts)
            server = stack.enter_context(shop_server(shop.environment))
            calls[name] = Call(server.url + "/api/v1/number/", shop.headers)
        for turn in range(rounds + 1):  # the first warms
            print(f"round {turn} of {rounds}", file=sys.stderr)
            for name in sorted(calls, reverse=bool(turn % 2)):
                load = drive(calls[name], clients=clients, seconds=seconds)
                assert load.refused == load.broken == 0, load
                seen[name] += load.requests
                rates[name].append(load.rate)
        for name, shop in shops.items():
            shop.check(seen[name], in_flight=(rounds + 1) * clients)
    whole, parted = rates["one piece"][1:], rates["parted"][1:]
    ratios = [ours / theirs for ours, theirs in zip(parted, whole, strict=True)]
    return {
        "one_piece": round(statistics.median(whole), 1),
        "parted": round(statistics.median(parted), 1),
        "parted_over_one_piece": round(statistics.median(ratios), 3),
        "from": round(min(ratios), 3),
        "to": round(max(ratios), 3),
    }
