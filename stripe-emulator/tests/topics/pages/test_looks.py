"""Every page in a browser, light and dark, small and wide: axe finds nothing, nothing runs over.

With ``EVERY_CASE=1``, as ``./dev campaign every_case`` has it, each is looked at in every size and scheme.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page
from stripe import CardError, StripeClient

from stripe_emulator import Emulator

pytestmark = pytest.mark.browser

EVERY_CASE = os.environ.get("EVERY_CASE") == "1"

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
    served.deliver()
    return {
        "overview": "/",
        "requests": "/logs",
        "request": f"/logs/{event['request']['id']}",  # SDK 15 has a method of this name
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


#: In which scheme and width axe looks: a phone has all of a page, and dark its own colours.
SCREENS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 390), ("dark", 1280))
if EVERY_CASE or "SHOTS" in os.environ:
    SCREENS = (*SCREENS, ("dark", 390), ("light", 1280))


@pytest.fixture
def screen(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_each_page_is_accessible_and_fits_the_screen(
    screen: Page, addresses: dict[str, str], served: Emulator
) -> None:
    assert sorted(addresses) == sorted(PAGES)
    findings = {}
    for name in PAGES:
        screen.goto(served.store.base_url + addresses[name])
        screen.evaluate((Path(os.environ["NODE_MODULES"]) / "axe-core" / "axe.min.js").read_text())
        if wrong := [*axe_finds(screen, name), *too_narrow(screen, name)]:
            findings[name] = wrong

    assert findings == {}, "\n".join(f"{name}: {wrong}" for name, wrong in findings.items())


def axe_finds(screen: Page, name: str) -> Iterator[str]:
    """By all rules on the first screen; on the others, by the rule that looks at colours."""
    for scheme, width in SCREENS:
        screen.emulate_media(color_scheme=scheme)
        screen.set_viewport_size({"width": width, "height": 900})
        if folder := os.environ.get("SHOTS"):
            screen.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
        rules = {} if (scheme, width) == SCREENS[0] else {"runOnly": ["color-contrast"]}
        options = {"resultTypes": ["violations"], "preload": False, **rules}
        for broken in screen.evaluate("(how) => axe.run(how).then((run) => run.violations)", options):
            for node in broken["nodes"]:
                yield f"{width} px, {scheme}: {broken['id']}: {node['html'][:200]}"


def too_narrow(screen: Page, name: str) -> Iterator[str]:
    """The widths at which the page scrolls sideways: a phone's, or a laptop's, also at 200 % zoom."""
    between = (640, 768, 1024) if EVERY_CASE else (random.Random(name).choice((640, 768, 1024)),)
    for width in (320, 390, *between, 1280):
        screen.set_viewport_size({"width": width, "height": 900})
        if screen.evaluate("document.documentElement.scrollWidth > innerWidth"):
            yield f"runs over the edge of {width} px"


def test_rows_of_a_list_have_the_same_places_on_a_phone(screen: Page, served: Emulator) -> None:
    stripe = StripeClient("sk_test_emulator", http_client=served.http_client()).v1
    customer = stripe.customers.create({"name": "Nora Newcomer"}).id
    for whose in ({"customer": customer, "amount": 700}, {"amount": 123_400}):
        paid: Any = {
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
        served.dispute(charge=stripe.payment_intents.create(paid | whose).latest_charge)
    screen.set_viewport_size({"width": 390, "height": 900})
    screen.goto(f"{served.store.base_url}/objects/dispute")

    edges = screen.eval_on_selector_all(
        "tbody tr",
        """(rows) => rows.map((row) => ["main", "when", "amount", "state"].map((name, place) => {
            const box = row.querySelector(`.${name}`).getBoundingClientRect();
            return Math.round(place < 2 ? box.left : box.right);
        }))""",
    )

    assert len(edges) == 2
    assert edges[0] == edges[1]
    assert edges[0][0] == edges[0][1]
    assert edges[0][2] == edges[0][3] > 300
