"""Takes the README's picture anew, after the pages have changed: ``python -m journeys.pictures``."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from .conftest import Running, free_port
from .pages import ROOT
from .test_newcomer import register

PICTURE = ROOT / "docs/images/shop-and-stripe.png"
SIZE = ViewportSize(width=640, height=760)

#: Both pages beside each other, as a customer meets them one after the other.
FRAME = """
<body style="margin:0; padding:16px; display:flex; gap:16px; background:#d8dee4">
  {}
</body>
"""
IMAGE = '<img style="width:560px; border-radius:6px" src="data:image/png;base64,{}">'


def main() -> None:
    os.environ.setdefault("CHROMIUM", str(ROOT / "node_modules/.chromium/chromium.sh"))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shop = Running(Path(folder) / "data", free_port(), free_port())
        shop.start()
        try:
            browser = playwright.chromium.launch(
                executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
            )
            compose(browser, take(browser.new_page(viewport=SIZE), shop))
        finally:
            shop.stop()
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes\n")


def take(page: Page, shop: Running) -> list[bytes]:
    register(page, shop, "pat@example.test")
    page.goto(f"{shop.url}/buy-credits")
    ours = page.screenshot()
    page.locator("form", has=page.locator("[name=pack]")).first.get_by_role("button").click()
    page.locator("[name=card_number]").fill("4242 4242 4242 4242")
    return [ours, page.screenshot()]


def compose(browser: Browser, shots: list[bytes]) -> None:
    page = browser.new_page(viewport=ViewportSize(width=1168, height=700))
    page.set_content(FRAME.format("".join(IMAGE.format(base64.b64encode(shot).decode()) for shot in shots)))
    PICTURE.parent.mkdir(exist_ok=True)
    page.locator("body").screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
