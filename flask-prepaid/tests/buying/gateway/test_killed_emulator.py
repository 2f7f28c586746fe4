"""The emulator is killed while customers pay: one ``reconcile --fix`` knows what came of each payment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Semaphore

import pytest
from sqlalchemy import URL

from flask_prepaid.payments.models import PaymentState
from stripe_emulator import Emulator

from ..shop import Shop
from .wire import free_port

OWNERS = [f"user:{number}" for number in range(1, 5)]
UNRESOLVED = {PaymentState.REQUESTED, PaymentState.UNKNOWN}


@contextmanager
def emulating(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The emulator as a process, on a file that outlives it."""
    command = [sys.executable, "-m", "stripe_emulator", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it says where it serves
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("after", [3, 8])
def test_what_a_killed_emulator_cut_off_is_known_after_one_fix(
    database: URL, tmp_path: Path, after: int
) -> None:
    data, port = tmp_path / "stripe.db", free_port()
    shop = Shop(
        database,
        webhooks=False,
        emulator=Emulator(data),
        PREPAID_STRIPE_API_BASE=f"http://127.0.0.1:{port}",
        PREPAID_STRIPE_TIMEOUT=timedelta(minutes=1),
    )
    paid = Semaphore(0)

    def pay_for_as_long_as_it_works(owner: str) -> None:
        while "100 credits added" in shop.press(cards[owner], owner).text:
            paid.release()

    with emulating(data, port) as process, ThreadPoolExecutor(len(OWNERS)) as customers:
        cards = {owner: shop.keep_card(owner) for owner in OWNERS}
        pressing = [customers.submit(pay_for_as_long_as_it_works, owner) for owner in OWNERS]
        for _ in range(after):
            assert paid.acquire(timeout=120)
        process.kill()
    for customer in pressing:
        customer.result()
    payments = [payment for owner in OWNERS for payment in shop.payments(owner)]
    assert [payment for payment in payments if payment.state in UNRESOLVED], "it was killed in mid-flow"

    with emulating(data, port):
        shop.stripe.advance(minutes=10)  # nothing is on its way any more
        fixed = shop.command("reconcile", "--fix")
        assert fixed.exit_code == 0, fixed.output
        assert shop.command("reconcile").exit_code == 0

    payments = [payment for owner in OWNERS for payment in shop.payments(owner)]
    assert {payment.state for payment in payments} <= {PaymentState.PAID, PaymentState.FAILED}
    came = [payment for payment in payments if payment.state is PaymentState.PAID]
    assert len(came) == len(shop.charges()) >= after
    assert sum(shop.balance(owner) for owner in OWNERS) == 100 * len(came)
    shop.close()
