"""Cuts the line to Stripe after each byte of a charge: ``./dev campaign cuts [--step N]``.

Every byte of the request and every byte of the answer. Exit 1 if a charge is lost or doubled.

Run in full: 5,220 cuts (1,047 bytes up, 4,173 down), 4,173 charges, each with its credits.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from buying.gateway.faulty_line import FaultyLine, line_to_stripe
from buying.gateway.wire import FINE, Fault

from flask_prepaid.testing import Databases

#: Memory where there is some to write to.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: Cuts in one shop; a new one forgets them, so that none is slower than the first.
IN_ONE_SHOP = 150


def lengths() -> tuple[int, int]:
    """How many bytes the request of a charge has, and its answer."""
    with tempfile.TemporaryDirectory() as folder, a_line(folder) as line:
        line.charge_through(FINE)
        return line.wire.longest_request, line.wire.longest_answer


def a_line(folder: str) -> AbstractContextManager[FaultyLine]:
    """A shop of its own, and its line to Stripe. What a cut line makes them log is known."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("flask_prepaid").setLevel(logging.CRITICAL)
    return line_to_stripe(Databases(Path(folder)).fresh("sqlite"))


def cut(faults: Sequence[Fault]) -> tuple[int, bool]:
    """How many charges came of these cuts in a new shop, and whether its books add up."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder, a_line(folder) as line:
        for fault in faults:
            line.charge_through(fault)
        return len(line.shop.charges()), line.adds_up()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="bytes from one cut to the next")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    start = time.monotonic()
    up, down = lengths()
    faults = [Fault(cut_up=bytes_) for bytes_ in range(0, up, options.step)]
    faults += [Fault(cut_down=bytes_) for bytes_ in range(0, down, options.step)]
    parts = [faults[at : at + IN_ONE_SHOP] for at in range(0, len(faults), IN_ONE_SHOP)]
    with ProcessPoolExecutor(options.processes) as workers:
        cuts = list(workers.map(cut, parts))
    summary = {
        "campaign": "cuts",
        "request_bytes": up,
        "answer_bytes": down,
        "cuts": len(faults),
        "charges": sum(charges for charges, _ in cuts),
        "adds_up": all(right for _, right in cuts),
        "seconds": round(time.monotonic() - start, 1),
    }
    print(json.dumps(summary))
    raise SystemExit(0 if summary["adds_up"] else 1)


if __name__ == "__main__":
    main()
