"""Runs the tests that try a seeded sample with all their cases: ``./dev campaign every_case [OF PYTEST]``.

Pages are looked at in every size and scheme, and by keyboard with all that frames them; Stripe's CLI triggers
every event that it knows; every path of the shop is sent every bad text; each row is forged on each database.
Among the tests ``EVERY_CASE`` is not set, and a part of these is enough. Exit 1 if any of it fails.
"""

from __future__ import annotations

import subprocess
import sys

from journeys.conftest import ROOT
from tools.install import browser_environment

#: The tests that ask for ``EVERY_CASE``.
SAMPLED = (
    "prepaid-ledger/tests/ledger/test_audit.py",
    "journeys/test_every_page.py",
    "journeys/test_operator.py",
    "stripe-emulator/tests/topics/pages/test_looks.py",
    "stripe-emulator/tests/conformance/test_stripe_cli.py",
    "rando-number/tests/security/test_bad_input.py",
    "rando-number/tests/operators/test_pages.py",
)


def main() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SAMPLED, *sys.argv[1:]]
    ran = subprocess.run(command, cwd=ROOT, env={**browser_environment(), "EVERY_CASE": "1"})
    raise SystemExit(1 if ran.returncode else 0)


if __name__ == "__main__":
    main()
