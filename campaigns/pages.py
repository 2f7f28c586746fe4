"""Walks every page of the shop in hard cases: ``./dev campaign pages [--cases ...] [--seed 0] [--pages N]``.

Each case is a customer, or a shop, for whom pages break first: ``new`` has bought nothing yet; ``much`` has
a long address, seven digits of credits, keys with names in Chinese, several payments; in ``away`` Stripe
answers nothing. Each page is looked at in six widths and both schemes: axe finds nothing, nothing sticks out,
the scheme can be switched while it is open, and it weighs on the wire what it may. Exit 1 if any of it fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from journeys.accessibility import SCHEMES, faults, over_the_edge
from journeys.conftest import Running, shop_in
from journeys.test_newcomer import pay_on_stripes_page, register
from playwright.sync_api import Browser, Page, sync_playwright
from tools.install import NODE_MODULES, install_browser

WIDTHS = (320, 390, 640, 768, 1024, 1280)

#: What a page may weigh with all that it loads, in bytes on the wire.
MAX_BYTES = 60_000
MAX_OPERATOR_BYTES = 120_000

OF_CUSTOMERS = (
    "/",
    "/buy-credits",
    "/buy-credits?pack=bulk",
    "/buy-credits/custom",
    "/billing",
    "/cards",
    "/subscription",
    "/usage",
    "/usage?per=week",
    "/user-profile",
    "/api-keys",
    "/sessions",
    "/docs/api",
    "/contact",
    "/terms",
    "/privacy",
    "/refunds",
)
OF_OPERATORS = (
    "",
    "/sales",
    "/credits",
    "/plans",
    "/payments",
    "/customers?sort=balance",
    "/dunning",
    "/inbox",
)

LONG = "bartholomew.featherstonehaugh.cholmondeley.of.marjoribanks@journey.test"
CHINESE = "結算系統的夜間工作名字很長很長很長很長很長"


@dataclass
class Look:
    """A browser's tab, what was wrong with each page, and what the heaviest weighed."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)
    seen: int = 0
    heaviest: tuple[int, str] = (0, "")

    def at(self, case: str, path: str) -> None:
        weight = self.weigh(path)
        self.seen += 1
        self.heaviest = max(self.heaviest, (weight, path))
        allowed = MAX_OPERATOR_BYTES if path.startswith("/admin") else MAX_BYTES
        is_too_heavy = weight > allowed and path != "/buy-credits/custom"
        problems = [f"weighs {weight:,} bytes"] if is_too_heavy else []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            problems += over_the_edge(self.page)
        for scheme in SCHEMES:  # switched while the page is open
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            problems += [f"{scheme}: {fault}" for fault in faults(self.page)]
        self.wrong += [f"{case} {path}: {problem}" for problem in problems]

    def weigh(self, path: str) -> int:
        """Open a page with nothing kept from before; the bytes that came over the wire."""
        self.page.goto("about:blank")  # what the page before was still loading is not this one's
        watch = self.page.context.new_cdp_session(self.page)
        watch.send("Network.enable")
        watch.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: list[int] = []
        watch.on("Network.loadingFinished", lambda done: sizes.append(int(done["encodedDataLength"])))
        answer = self.page.goto(self.url + path, wait_until="load")
        if answer is None or (answer.status >= 400 and answer.status != 503):
            self.wrong.append(f"{path}: {answer.status if answer else 'no answer'}")
        watch.detach()
        return sum(sizes)


def new(look: Look, shop: Running) -> None:
    """Nothing there yet."""
    register(look.page, shop, "nothing-yet@journey.test")


def much(look: Look, shop: Running) -> None:
    """Long names, seven digits, another script, much of everything, and a plan that owes."""
    page = look.page
    register(page, shop, LONG)
    given = shop.command("prepaid", "grant", newest_owner(shop), "1234567", "--reason", "a large customer")
    assert given.exit_code == 0, given.output
    for number in range(3):
        page.goto(f"{shop.url}/api-keys")
        page.get_by_label("Name").fill(f"{CHINESE}{number}")
        page.get_by_role("button", name="Create key").click()
        page.locator("#new-key").wait_for()
    for _ in range(4):
        page.goto(f"{shop.url}/buy-credits")
        page.get_by_label("Any number of credits").check()
        page.get_by_label("How many credits?").fill("1000")
        page.get_by_role("button", name=re.compile("Continue")).click()
        pay_on_stripes_page(page, "5555 5555 5555 4444")
        page.wait_for_url(re.compile("/buy-credits/return"))
    page.goto(f"{shop.url}/")
    for _ in range(5):
        page.get_by_role("button", name="Get Your Number").click()
        page.wait_for_timeout(100)


def away(look: Look, shop: Running) -> None:
    """Stripe answers nothing."""
    register(look.page, shop, "stripe-away@journey.test")
    control(shop, "chaos", {"api_500": 1.0})


CASES: dict[str, Callable[[Look, Running], None]] = {"new": new, "much": much, "away": away}


def newest_owner(shop: Running) -> str:
    with closing(sqlite3.connect(shop.data / "rando.sqlite3")) as books:
        (number,) = books.execute("SELECT max(id) FROM users").fetchone()
    return f"user:{number}"


def sign_in(look: Look, email: str, password: str) -> None:
    look.page.context.clear_cookies()
    look.page.goto(f"{look.url}/login")
    look.page.get_by_label("Email").fill(email)
    look.page.get_by_label("Password").fill(password)
    look.page.keyboard.press("Enter")
    look.page.wait_for_url(f"{look.url}/")


def control(shop: Running, verb: str, body: dict[str, float]) -> None:
    request = Request(
        f"{shop.emulator_url}/_emulator/{verb}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    urlopen(request, timeout=10).close()


def walk(shop: Running, browser: Browser, cases: Sequence[str], chance: random.Random, count: int) -> Look:
    """Look at pages of each case; at ``count`` of them, drawn by chance, if that is not 0."""
    look = Look(browser.new_context(reduced_motion="reduce").new_page(), shop.url)
    for case in cases:
        look.page.context.clear_cookies()
        try:
            CASES[case](look, shop)
            for path in drawn(OF_CUSTOMERS, chance, count):
                look.at(case, path)
            admin = json.loads((shop.data / "logins.json").read_text())["admin"]
            sign_in(look, admin["email"], admin["password"])
            for path in drawn(OF_OPERATORS, chance, count):
                look.at(case, f"/admin{path}")
        finally:
            control(shop, "chaos", {})
    return look


def drawn(paths: Sequence[str], chance: random.Random, count: int) -> Sequence[str]:
    return chance.sample(paths, min(count, len(paths))) if count else paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pages", type=int, default=0, help="so many pages of each kind; 0 is all of them")
    options = parser.parse_args()
    start = time.monotonic()
    browser_file = str(install_browser())
    os.environ["NODE_MODULES"] = str(NODE_MODULES)
    with (
        tempfile.TemporaryDirectory() as folder,
        shop_in(Path(folder)) as shop,
        sync_playwright() as playwright,
    ):
        shop.start()
        browser = playwright.chromium.launch(
            executable_path=browser_file, args=["--no-sandbox", "--disable-gpu"]
        )
        look = walk(shop, browser, options.cases.split(","), random.Random(options.seed), options.pages)
        browser.close()
        shop.stop()
    for problem in look.wrong:
        print(problem)
    weight, path = look.heaviest
    print(
        json.dumps(
            {
                "campaign": "pages",
                "seen": look.seen,
                "wrong": len(look.wrong),
                "heaviest": {"path": path, "bytes": weight},
                "seconds": round(time.monotonic() - start, 1),
            }
        )
    )
    raise SystemExit(1 if look.wrong else 0)


if __name__ == "__main__":
    main()
