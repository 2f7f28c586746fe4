"""dj-stripe of PyPI on the emulator: ``./dev campaign djstripe [--least 40]``.

It is installed into an environment of its own, which takes a network, and copies an account that has
something of most kinds. Exit 1 if it syncs fewer of its models, or does not take a webhook.

Run in full: 52 of its 55 models, and a webhook. The others ask for version 2's accounts, and for two lists
in a way that Stripe refuses, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from stripe import StripeClient

from stripe_emulator import Emulator
from stripe_emulator.server.http import Worker, serve

BIN = Path(sys.executable).parent
PROGRAM = Path(__file__).parents[1] / "stripe-emulator/tests/strangers/djstripe_sync.py"
WANTED = ("dj-stripe==2.11", "django<5.3")


def furnish(emulator: Emulator) -> None:
    """Something of most kinds."""
    v1 = StripeClient("sk_test_furnisher", http_client=emulator.http_client()).v1
    home: Any = {"line1": "1 High Street", "city": "Leeds", "postal_code": "LS1 1AA", "country": "GB"}
    settings = {"default_payment_method": "pm_card_visa"}
    whose: Any = {
        "payment_method": "pm_card_visa",
        "invoice_settings": settings,
        "name": "Jo Doe",
        "email": "jo@example.com",
        "phone": "+441132000000",
        "description": "Has something of most kinds",
        "address": home,
        "shipping": {"name": "Jo Doe", "address": home},
        "tax_id_data": [{"type": "gb_vat", "value": "GB123456789"}],
    }
    card: Any = {"payment_method": "pm_card_visa", "return_url": "https://shop.example", "confirm": True}
    plan: Any = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    pen: Any = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}}
    customer = v1.customers.create(whose)
    price = v1.prices.create(plan | {"product_data": {"name": "Gold"}})
    v1.coupons.create({"id": "SALE", "percent_off": 10, "duration": "forever"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": "SALE"}, "code": "A"})
    rate = v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    v1.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "usd"})
    subscription = v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "discounts": [{"promotion_code": code.id}],
            "default_tax_rates": [rate.id],
        }
    )
    session = v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://shop.example",
            "line_items": [{"price_data": pen, "quantity": 1}],
        }
    )
    emulator.pay(session)
    payment = v1.payment_intents.create({"amount": 500, "currency": "usd"} | card)
    v1.refunds.create({"payment_intent": payment.id, "amount": 100})
    disputed = card | {"payment_method": "pm_card_createDispute"}
    v1.payment_intents.create({"amount": 700, "currency": "usd"} | disputed)
    warned = card | {"payment_method": "pm_card_createIssuerFraudRecord"}
    v1.payment_intents.create({"amount": 800, "currency": "usd"} | warned)
    credited: Any = {"invoice": subscription.latest_invoice, "amount": 100, "refund_amount": 100}
    v1.credit_notes.create(credited)
    v1.entitlements.features.create({"name": "Speed", "lookup_key": "speed"})
    v1.subscription_schedules.create({"from_subscription": subscription.id})
    v1.setup_intents.create({"customer": customer.id})
    emulator.advance(days=3)


def environment(folder: Path) -> Path:
    """A Python with dj-stripe in it."""
    uv, python = BIN / "uv", folder / "bin" / "python"
    subprocess.run([uv, "venv", "-q", folder], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", python, *WANTED], check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=40)
    options = parser.parse_args()
    emulator = Emulator()
    furnish(emulator)
    server = serve(emulator, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    worker = Worker(emulator)
    worker.start()
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder, "venv"))
        url, database = f"http://127.0.0.1:{server.port}", Path(folder, "django.sqlite3")
        output = subprocess.run(
            [python, "-W", "ignore", PROGRAM, url, database], stdout=subprocess.PIPE, text=True, check=True
        )
    worker.stop()
    outcome = json.loads(output.stdout.splitlines()[-1])
    for model, reason in outcome["not_synced"].items():
        print(f"{model}: {reason.strip().splitlines()[0] if reason.strip() else ''}", file=sys.stderr)
    synced = len(outcome["synced"])
    ok = synced >= options.least and outcome["webhook"]
    print(json.dumps({"campaign": "djstripe", "ok": ok, "synced": synced, "webhook": outcome["webhook"]}))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
