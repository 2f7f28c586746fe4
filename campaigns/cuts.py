"""Cuts the line to Stripe after each byte of a charge: ``./dev campaign cuts [--step N]``.

Every byte of the request and every byte of the answer. Exit 1 if a charge is lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "flask-prepaid" / "tests"))

from buying.line import Line, line_to_stripe
from buying.wire import FINE, Fault

from flask_prepaid.testing import Databases


def cut(line: Line, *, step: int) -> dict[str, int]:
    """How many charges came of each kind of cut, and how many cuts there were."""
    line.charge_through(FINE)
    up, down = line.wire.longest_request, line.wire.longest_answer
    cuts = [Fault(cut_up=bytes_) for bytes_ in range(0, up, step)]
    cuts += [Fault(cut_down=bytes_) for bytes_ in range(0, down, step)]
    for fault in cuts:
        line.charge_through(fault)
    return {"request_bytes": up, "answer_bytes": down, "cuts": len(cuts), "charges": len(line.shop.charges())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="bytes from one cut to the next")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        line_to_stripe(Databases(Path(folder)).fresh("sqlite")) as line,
    ):
        told = cut(line, step=options.step)
        right = line.adds_up()
    seconds = round(time.monotonic() - start, 1)
    print(json.dumps({"campaign": "cuts", **told, "adds_up": right, "seconds": seconds}))
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
