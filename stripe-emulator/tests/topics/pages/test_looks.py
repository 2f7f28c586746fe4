"""Every page in a browser, light and dark, small and wide: axe finds nothing, nothing runs over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page
from stripe import CardError, StripeClient

from stripe_emulator import Emulator

pytestmark = pytest.mark.browser

PAGES = (
    "overview",
    "requests",
    "request",
    "kinds of objects",
    "objects",
    "object",
    "events",
    "event",
    "deliveries",
    "delivery",
    "payment",
    "subscription",
    "webhooks",
    "clock",
    "chaos",
    "states",
    "state",
    "account",
    "search",
    "quick start",
    "nothing found",
    "checkout",
    "checkout with saved cards",
    "checkout that asks a lot",
    "checkout with a trial",
    "checkout that saves a card",
    "checkout that is paid",
    "checkout that has expired",
    "bank",
    "open invoice",
    "paid invoice",
    "receipt",
    "portal",
    "payment element",
)


@pytest.fixture
def addresses(served: Emulator) -> dict[str, str]:
    """An account with something of everything, and where each page of it is."""
    stripe = StripeClient("sk_test_emulator", http_client=served.http_client()).v1
    base = served.store.base_url
    served.save("before")
    stripe.webhook_endpoints.create({"url": f"{base}/_emulator/pay", "enabled_events": ["*"]})
    customer = stripe.customers.create({"email": "jenny.rosen@example.com", "name": "Jenny Rosen"})
    for name in ("pm_card_visa", "pm_card_mastercard"):
        method = stripe.payment_methods.attach(name, {"customer": customer.id})
        stripe.payment_methods.update(method.id, {"allow_redisplay": "always"})
    paid = stripe.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )
    with pytest.raises(CardError):
        stripe.payment_intents.create(
            {
                "amount": 700,
                "currency": "usd",
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
                "off_session": True,
            }
        )
    challenged = stripe.payment_intents.create(
        {
            "amount": 1900,
            "currency": "usd",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": base,
        }
    )
    monthly = stripe.prices.create(
        {
            "unit_amount": 1900,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "product_data": {"name": "Monthly plan"},
        }
    )
    subscription = stripe.subscriptions.create(
        {"customer": customer.id, "items": [{"price": monthly.id}], "default_payment_method": method.id}
    )
    stripe.invoice_items.create(
        {"customer": customer.id, "amount": 500, "currency": "usd", "description": "Help"}
    )
    bill = stripe.invoices.create(
        {
            "customer": customer.id,
            "collection_method": "send_invoice",
            "days_until_due": 14,
            "pending_invoice_items_behavior": "include",
        }
    )
    bill = stripe.invoices.finalize_invoice(bill.id)
    pack = {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Starter pack"}}

    def session(**more: Any) -> str:
        form: Any = {"mode": "payment", "success_url": f"{base}/start", "cancel_url": f"{base}/events"}
        form |= {} if more.get("mode") == "setup" else {"line_items": [{"quantity": 3, "price_data": pack}]}
        return stripe.checkout.sessions.create(form | more).id

    spent, over = session(), session()
    served.pay(spent)
    stripe.checkout.sessions.expire(over)
    trial = session(
        mode="subscription",
        line_items=[{"price": monthly.id, "quantity": 1}],
        subscription_data={"trial_period_days": 14},
    )
    asks = session(
        customer=customer.id,
        phone_number_collection={"enabled": True},
        billing_address_collection="required",
        consent_collection={"terms_of_service": "required"},
        line_items=[{"quantity": 3, "price_data": pack, "adjustable_quantity": {"enabled": True}}],
    )
    event = stripe.events.list({"type": "payment_intent.succeeded"}).data[0]
    assert event.request
    served.deliver()
    return {
        "overview": "/",
        "requests": "/logs",
        "request": f"/logs/{event.request.id}",
        "kinds of objects": "/objects",
        "objects": "/objects/payment_intent",
        "object": f"/objects/customer/{customer.id}",
        "events": "/events",
        "event": f"/events/{event.id}",
        "deliveries": "/deliveries",
        "delivery": "/deliveries/1",
        "payment": f"/objects/payment_intent/{paid.id}",
        "subscription": f"/objects/subscription/{subscription.id}",
        "webhooks": "/webhooks",
        "clock": "/clock",
        "chaos": "/chaos",
        "states": "/states",
        "state": "/states/before",
        "account": "/account",
        "search": "/find?q=jenny",
        "quick start": "/start",
        "nothing found": "/find?q=nope",
        "checkout": f"/pay/{session(allow_promotion_codes=True)}",
        "checkout with saved cards": f"/pay/{session(customer=customer.id)}",
        "checkout that asks a lot": f"/pay/{asks}",
        "checkout with a trial": f"/pay/{trial}",
        "checkout that saves a card": f"/pay/{session(mode='setup', currency='usd')}",
        "checkout that is paid": f"/pay/{spent}",
        "checkout that has expired": f"/pay/{over}",
        "bank": f"/challenge/{challenged.id}?client_secret={challenged.client_secret}",
        "open invoice": f"/invoice/{bill.id}",
        "paid invoice": f"/invoice/{subscription.latest_invoice}",
        "receipt": f"/receipts/{paid.latest_charge}",
        "portal": stripe.billing_portal.sessions.create({"customer": customer.id}).url.removeprefix(base),
        "payment element": "/js/elements/payment",
    }


@pytest.fixture(params=[390, 1280])
def width(request: pytest.FixtureRequest) -> int:
    chosen: int = request.param
    return chosen


@pytest.fixture(params=["light", "dark"])
def screen(request: pytest.FixtureRequest, browser: Browser, width: int) -> Iterator[Page]:
    scheme: Literal["light", "dark"] = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    yield context.new_page()
    context.close()


def test_each_page_is_accessible_and_fits_the_screen(
    screen: Page, addresses: dict[str, str], served: Emulator
) -> None:
    assert sorted(addresses) == sorted(PAGES)
    axe = (Path(os.environ["NODE_MODULES"]) / "axe-core" / "axe.min.js").read_text()
    findings = {}
    for name in PAGES:
        screen.goto(served.store.base_url + addresses[name])
        if folder := os.environ.get("SHOTS"):
            assert screen.viewport_size
            dark = screen.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
            shot = f"{name}-{screen.viewport_size['width']}-{'dark' if dark else 'light'}.png"
            screen.screenshot(path=Path(folder) / shot, full_page=True)
        screen.evaluate(axe)
        result = screen.evaluate(
            "axe.run({ resultTypes: ['violations'] }).then((result) => result.violations)"
        )
        wrong = [
            f"{violation['id']}: {node['html'][:200]}" for violation in result for node in violation["nodes"]
        ]
        wrong += [f"runs over the edge of {size} px" for size in _too_narrow(screen)]
        if wrong:
            findings[name] = wrong

    assert findings == {}, "\n".join(f"{name}: {wrong}" for name, wrong in findings.items())


def _too_narrow(screen: Page) -> list[int]:
    """The widths at which the page scrolls sideways, among a phone's, or a laptop's also at 200 % zoom."""
    size = screen.viewport_size
    assert size
    over = []
    for width in (320, size["width"]) if size["width"] < 640 else (640, 768, 1024, size["width"]):
        screen.set_viewport_size({"width": width, "height": size["height"]})
        if screen.evaluate("document.documentElement.scrollWidth > innerWidth"):
            over.append(width)
    return over
