"""What comes along with the ledger."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["prepaid_ledger", "prepaid_ledger.aio"])
def test_the_ledger_brings_no_framework_no_stripe_and_no_alembic(module: str) -> None:
    strangers = "{'flask', 'werkzeug', 'fastapi', 'starlette', 'stripe', 'alembic'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", f"import sys, {module}; assert not {strangers}"], check=True)
