"""What comes along with the ledger."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["prepaid_ledger", "prepaid_ledger.aio"])
def test_the_ledger_brings_neither_flask_nor_stripe_nor_alembic(module: str) -> None:
    strangers = "{'flask', 'werkzeug', 'stripe', 'alembic'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", f"import sys, {module}; assert not {strangers}"], check=True)
