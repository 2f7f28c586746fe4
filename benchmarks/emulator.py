"""How fast the Stripe emulator is, what it keeps on disk, and how long it takes to start.

Work is timed by the wall and by the processor: on a busy machine the second
says more. Everything runs in one process without a socket, through Stripe's own SDK, whose share
of the work is part of what a test waits for. Files lie in a temporary folder, each with
`synchronous=FULL`.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stripe import StripeClient

from stripe_emulator import Emulator
from stripe_emulator.api.request import Call

#: The middle of winter, so that a year holds every length of month.
START = 1_798_761_600
#: What the SDK sends to create and confirm a payment.
PAYMENT = (
    b"amount=2000&currency=usd&payment_method=pm_card_visa&confirm=true"
    b"&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never"
)
BEGIN = "import stripe_emulator, time; stripe_emulator.Emulator(); print(time.process_time())"


@dataclass
class Watch:
    """Seconds since it was made, by the wall and by this process's processor time."""

    def __post_init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def wall_s(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def cpu_s(self) -> float:
        return time.process_time() - self._cpu


def client(emulator: Emulator) -> StripeClient:
    return StripeClient("sk_test_bench", http_client=emulator.http_client())


def payments_per_second(payments: int) -> tuple[float, float]:
    """Create-and-confirm calls a second, by the wall and by processor time."""
    emulator = Emulator()
    stripe = client(emulator)

    def pay(times: int) -> None:
        for _ in range(times):
            intent = stripe.v1.payment_intents.create(
                {
                    "amount": 2000,
                    "currency": "usd",
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                }
            )
            assert intent.status == "succeeded"

    pay(50)  # compiles what the contract says of them
    watch = Watch()
    pay(payments)
    emulator.state()  # has all of them written
    rates = payments / watch.wall_s, payments / watch.cpu_s
    emulator.close()
    return rates


def answers_per_cpu_second(payments: int) -> float:
    """The same calls as the emulator's own share of them: no SDK writes the request and reads the answer."""
    emulator = Emulator()

    def pay(first: int, times: int) -> None:
        for number in range(first, first + times):
            headers = {"authorization": "Bearer sk_test_bench", "idempotency-key": str(number)}
            reply = emulator.api.answer(Call("POST", "/v1/payment_intents", "", headers, PAYMENT))
            assert reply.status == 200, reply.body

    pay(0, 50)
    watch = Watch()
    pay(50, payments)
    emulator.state()
    rate = payments / watch.cpu_s
    emulator.close()
    return rate


def megabytes(folder: Path, customers: int) -> float:
    """What so many customers take on disk, each with a card and its events."""
    emulator = Emulator(folder / "customers.db")
    stripe = client(emulator)
    empty = on_disk(folder)
    for number in range(customers):
        stripe.v1.customers.create(
            {
                "name": f"Customer {number}",
                "email": f"customer{number}@example.com",
                "payment_method": "pm_card_visa",
            }
        )
    emulator.close()  # the log goes into the file
    return (on_disk(folder) - empty) / 1e6


def on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("customers.db*"))


def year_of_subscriptions(folder: Path, subscriptions: int) -> tuple[float, float]:
    """Seconds to advance a year of monthly subscriptions on disk, by the wall and by processor time."""
    emulator = Emulator(folder / "year.db", now=START)
    stripe = client(emulator)
    price = stripe.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Plan"},
        }
    )
    for _ in range(subscriptions):
        customer: Any = {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
        made = stripe.v1.customers.create(customer)
        stripe.v1.subscriptions.create({"customer": made.id, "items": [{"price": price.id}]})
    before = emulator.state()["objects"]["invoice"]
    watch = Watch()
    emulator.advance(months=12, hours=2)
    took = watch.wall_s, watch.cpu_s
    invoices = emulator.state()["objects"]["invoice"] - before
    assert invoices == 12 * subscriptions, invoices
    assert {invoice.status for invoice in stripe.v1.invoices.list({"limit": 100}).data} == {"paid"}
    emulator.close()
    return took


def start_seconds(rounds: int) -> tuple[float, float]:
    """Seconds of processor time until a new process has an emulator: first, and then.

    The first compiles to bytecode what it imports, as after an installation.
    """

    def once(*options: str) -> float:
        command = [sys.executable, *options, "-c", BEGIN]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return float(done.stdout)

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        compiles = ("-X", f"pycache_prefix={name}")
        cold = once(*compiles)
        return cold, statistics.median(once(*compiles) for _ in range(rounds))


def main() -> None:
    options = read_options()
    rates = [payments_per_second(options.payments) for _ in range(options.rounds)]
    wall, cpu = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"create and confirm   {wall:8,.0f} /s by the wall, {cpu:,.0f} /s of processor time", flush=True)
    own = statistics.median(answers_per_cpu_second(options.payments) for _ in range(options.rounds))
    print(f"  without the SDK             {own:8,.0f} /s of processor time", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        size = megabytes(Path(name), options.customers)
        print(f"{options.customers:,} customers      {size:8.2f} MB on disk", flush=True)
        year, year_cpu = year_of_subscriptions(Path(name), options.subscriptions)
        print(
            f"a year               {year:8.2f} s by the wall, {year_cpu:.2f} s of processor time", flush=True
        )
    cold, warm = start_seconds(options.rounds)
    print(f"start                {cold:8.2f} s of processor time at first, {warm:.2f} s then", flush=True)
    verdict = {
        "bench": "emulator",
        "payments_per_s": round(wall),
        "payments_per_cpu_s": round(cpu),
        "answers_per_cpu_s": round(own),
        "mb_per_1000_customers": round(size * 1000 / options.customers, 2),
        "year_of_100_subscriptions_s": round(year * 100 / options.subscriptions, 2),
        "year_of_100_subscriptions_cpu_s": round(year_cpu * 100 / options.subscriptions, 2),
        "start_cold_cpu_s": round(cold, 2),
        "start_warm_cpu_s": round(warm, 2),
    }
    print(json.dumps(verdict))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench emulator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--payments", type=int, default=1000, help="in each round")
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--subscriptions", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, for a look")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.payments = 1, 100
        options.customers, options.subscriptions = 100, 10
    return options


if __name__ == "__main__":
    main()
