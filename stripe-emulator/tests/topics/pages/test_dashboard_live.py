"""The dashboard in a browser: news appear by themselves, the clock ticks, ids are copied."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect
from stripe import StripeClient

from stripe_emulator import Emulator
from stripe_emulator.server.http import serve


@pytest.fixture
def page(browser: Browser, served: Emulator) -> Iterator[Page]:
    context = browser.new_context(base_url=served.store.base_url)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.mark.browser
def test_a_page_that_is_open_shows_what_happens(page: Page, served: Emulator) -> None:
    """A request, its events and a delivery appear; a form that is being filled in stays; a pause is kept."""
    stripe = StripeClient("sk_test_emulator", http_client=served.http_client()).v1
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto("/logs")
    page.get_by_label("Path, idempotency key").fill("half typed")

    stripe.customers.create({"email": "jenny@example.com"})
    expect(page.locator("[data-key]")).to_have_count(1)
    expect(page.locator("[data-key]")).to_contain_text("/v1/customers")
    expect(page.get_by_label("Path, idempotency key")).to_have_value("half typed")
    served.advance(days=400)
    expect(page.locator(".ticking")).to_contain_text(time.strftime("%Y", time.gmtime(served.now())))
    before = page.locator(".ticking").inner_text()
    expect(page.locator(".ticking")).not_to_have_text(before)

    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Paused")).to_have_attribute("aria-pressed", "false")
    page.reload()
    stripe.customers.create({})
    page.get_by_role("button", name="Paused").click()
    expect(page.locator("[data-key]")).to_have_count(2)  # it was missed, and is there as soon as it is live

    page.locator("[data-key] a").first.click()
    page.get_by_role("button", name=re.compile("^Copy req_")).click()
    shown = page.locator("[data-copy^=req_]").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    page.goto("/states")
    page.get_by_label("Name").fill("now")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="The state is kept.")).to_be_visible()
    page.wait_for_url(re.compile("/states$"))  # what was said once is no part of the address
    assert wrong == []


@pytest.mark.browser
def test_the_pages_are_whole_without_javascript(browser: Browser, served: Emulator) -> None:
    context = browser.new_context(base_url=served.store.base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/logs")
    StripeClient("sk_test_emulator", http_client=served.http_client()).v1.customers.create({})

    page.get_by_role("link", name="Refresh").click()

    expect(page.locator("[data-key]")).to_have_count(1)
    context.close()


def test_a_stream_says_what_is_new_and_ends_with_the_emulator() -> None:
    emulator = Emulator()
    server = serve(emulator, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    lines: list[str] = []
    arrived = threading.Semaphore(0)

    def listen() -> None:
        with urlopen(f"http://127.0.0.1:{server.port}/live", timeout=60) as stream:
            for line in stream:
                lines.append(line.decode())
                if line.startswith(b"event: change"):
                    arrived.release()

    listener = threading.Thread(target=listen)
    listener.start()
    assert arrived.acquire(timeout=60)
    StripeClient("sk_test_one", http_client=emulator.http_client()).v1.customers.create({})
    assert arrived.acquire(timeout=60)

    emulator.close()
    listener.join(timeout=60)

    assert not listener.is_alive()
    server.shutdown()
    thread.join()
    server.server_close()
