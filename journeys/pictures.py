"""Takes the documentation's pictures anew, after the pages have changed: ``python -m journeys.pictures``."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from .bare_host import serve
from .conftest import Running, free_port
from .pages import ROOT
from .test_newcomer import from_registering_to_a_refund, pay_on_stripes_page

IMAGES = ROOT / "docs/images"
SIZE = ViewportSize(width=640, height=740)
WIDE = ViewportSize(width=1120, height=740)

#: Pages beside each other, as somebody meets them one after the other.
PICTURES = {
    "shop-and-stripe": ("number", "buy", "checkout"),
    "profile": ("profile",),
    "first-sale": ("first buy", "first sale"),
    "dashboard": ("dashboard",),
}

FRAME = """<!doctype html>
<body style="margin:0; padding:16px; display:inline-flex; gap:16px; background:#d5ddd8">{}</body>
"""
IMAGE = '<img style="width:{}px; border-radius:8px" src="data:image/png;base64,{}">'


def main() -> None:
    os.environ.setdefault("CHROMIUM", str(ROOT / "node_modules/.chromium/chromium.sh"))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
        )
        shop = Running(Path(folder) / "data", free_port(), free_port())
        shop.start()
        try:
            shots = take(browser.new_page(viewport=SIZE, reduced_motion="reduce"), shop, Path(folder))
        finally:
            shop.stop()
        for name, parts in PICTURES.items():
            compose(browser, IMAGES / f"{name}.png", [shots[part] for part in parts])


def take(page: Page, shop: Running, folder: Path) -> dict[str, bytes]:
    shots: dict[str, bytes] = {}

    def keep(name: str) -> None:
        page.set_viewport_size(WIDE if name in ("profile", "dashboard") else SIZE)
        page.mouse.move(0, 0)
        page.evaluate("scrollTo(0, 0)")
        shots[name] = page.screenshot()

    from_registering_to_a_refund(page, shop, "pat@example.test", keep)
    with serve(shop.emulator_url, folder) as host:
        page.goto(f"{host}/prepaid/buy")
        keep("first buy")
        page.locator("[data-pay]").click()
        pay_on_stripes_page(page, "4242 4242 4242 4242")
        page.wait_for_url(f"{host}/**")
        keep("first sale")
    page.goto(shop.emulator_url)
    keep("dashboard")
    return shots


def compose(browser: Browser, target: Path, shots: list[bytes]) -> None:
    width = 440 if len(shots) > 1 else 760
    page = browser.new_page(viewport=ViewportSize(width=1400, height=700), device_scale_factor=1.25)
    page.set_content(
        FRAME.format("".join(IMAGE.format(width, base64.b64encode(shot).decode()) for shot in shots))
    )
    page.locator("body").screenshot(path=target)
    page.close()
    sys.stdout.write(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
