"""All 5,040 orders of a payment's events, with copies: ``./dev campaign orders [--orders N]``.

Exit 1 if one of them ends in another state than the others.

Run in full: 5,040 orders in 771 s of one busy core, one end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from buying.operations.orders import ALL, THE_END, ends_of
from buying.shop import Shop

from flask_prepaid.testing import Databases

#: Memory where there is some to write to: five thousand lives are a hundred thousand commits.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: Lives in one shop; a new shop forgets them, so that none is slower than the first.
IN_ONE_SHOP = 120


def ends_in_a_new_shop(orders: Sequence[tuple[int, ...]]) -> set[str]:
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        shop = Shop(Databases(Path(folder)).fresh("sqlite"), webhooks=False)
        ends = ends_of(shop, orders)
        shop.close()
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=len(ALL))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    start = time.monotonic()
    orders = ALL[: options.orders]
    parts = [orders[at : at + IN_ONE_SHOP] for at in range(0, len(orders), IN_ONE_SHOP)]
    with ProcessPoolExecutor(options.processes) as workers:
        ends = set().union(*workers.map(ends_in_a_new_shop, parts))
    seconds = round(time.monotonic() - start, 1)
    print(json.dumps({"campaign": "orders", "orders": len(orders), "seconds": seconds, "ends": sorted(ends)}))
    raise SystemExit(0 if ends == {THE_END} else 1)


if __name__ == "__main__":
    main()
