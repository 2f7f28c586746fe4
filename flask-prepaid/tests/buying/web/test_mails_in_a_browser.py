"""Mails as a browser draws them: on the smallest telephone, light and dark, and by axe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.testing import Databases
from flask_prepaid.web.mailing.mail_samples import samples

from ..shop import Shop

pytestmark = pytest.mark.browser

AXE = Path(os.environ.get("NODE_MODULES", "node_modules")) / "axe-core" / "axe.min.js"

#: Mails that have all kinds of lines between them: axe looks at these.
EVERY_KIND = {"receipt-tax", "endpoint_stopped", "plan_payment_failed"}


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    faults: list[str] = page.evaluate(
        "axe.run().then((run) => run.violations.flatMap("
        "(rule) => rule.nodes.map((node) => rule.id + node.html)))"
    )
    return faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_mail_fits_320_pixels_and_can_be_read(
    databases: Databases, browser: Browser, scheme: str
) -> None:
    boss = Operators(current=lambda: Operator("boss", Role.SUPPORT))
    shop = Shop(
        databases.fresh("sqlite"),
        operators=boss,
        PREPAID_BASE_URL="https://shop.example",
        PREPAID_SUPPORT_EMAIL="help@shop.example",
    )
    page = browser.new_page(viewport={"width": 320, "height": 600}, color_scheme=scheme)  # type: ignore[arg-type]
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))

    for name in samples():
        page.set_content(shop.browser().get(f"/prepaid/admin/mails/{name}").text)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        if name in EVERY_KIND:
            assert violations(page) == [], name

    colour = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert colour == {"light": "rgb(255, 255, 255)", "dark": "rgb(24, 29, 26)"}[scheme]
    assert fetched == [], "a mail that fetches something tells when it is read"
    page.close()
    shop.close()
