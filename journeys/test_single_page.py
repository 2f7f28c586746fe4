"""The single-page app of the documentation, saved as its page says, in a real browser."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from stripe_emulator import Emulator

from .bare_host import served
from .conftest import free_port
from .pages import running

PAGE = "docs/how-to/single-page.md"

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page's app, on a port of this machine."""
    for block in running(PAGE):
        if block.file:
            (tmp_path / block.file).parent.mkdir(exist_ok=True)
            (tmp_path / block.file).write_text(block.code)
    port = free_port()
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("FLASK_PREPAID_STRIPE_API_BASE", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", f"sqlite:///{tmp_path}/shop.sqlite3")
    module = module_in(tmp_path / "app.py", monkeypatch)
    emulator = Emulator(base_url=f"http://127.0.0.1:{port}")
    emulator.connect(module.app, "/prepaid/webhook", "whsec_emulator")
    with module.app.app_context():
        module.prepaid.upgrade()
    with served(emulator.app, port), served(module.app, free_port()) as address:
        yield address
    with module.app.app_context():
        assert module.prepaid.audit() == []
        module.db.engine.dispose()
    emulator.close()


def module_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("single_page_app", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where Flask looks for the folder of its files
    spec.loader.exec_module(module)
    return module


def test_the_app_is_as_short_as_an_example_should_be() -> None:
    lines = {block.file: len(block.code.splitlines()) for block in running(PAGE) if block.file}
    assert sum(lines.values()) < 150


def test_a_stranger_buys_by_the_test_card_and_once_more_by_one_press(shop: str, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(shop)
    expect(page.get_by_role("heading")).to_have_text("You have 0 credits")

    page.get_by_role("button", name="Buy 100 for $5.00").click()
    page.get_by_label("Email").fill("pat@shop.test")
    page.get_by_label("Card number").fill("4000002760003184")  # its bank asks each time
    page.get_by_label("Expir").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_label("Country").select_option("US")
    page.get_by_label("Postal code").fill("10001")
    page.get_by_role("button", name="Pay").click()
    page.get_by_role("button", name="Complete").click()

    expect(page.get_by_role("status")).to_have_text("100 credits were added.")
    expect(page.get_by_role("heading")).to_have_text("You have 100 credits")

    page.get_by_role("button", name="$5.00 with visa 3184").click()
    page.get_by_role("button", name="Complete").click()  # and leads back to the app
    expect(page.get_by_role("status")).to_have_text("100 credits were added.")
    expect(page.get_by_role("heading")).to_have_text("You have 200 credits")
    assert errors == []
