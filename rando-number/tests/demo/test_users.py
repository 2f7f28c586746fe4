"""The demo users."""

from __future__ import annotations

import json

from ..reading import number_on_card
from ..running_shop import RunningShop


def test_the_demo_users_are_made_once_and_can_log_in(shop: RunningShop) -> None:
    runner = shop.app.test_cli_runner()

    first = runner.invoke(args=["rando", "seed-demo"])
    second = runner.invoke(args=["rando", "prepare", "--demo"])

    kept = shop.data / "logins.json"
    logins = json.loads(kept.read_text())
    assert kept.stat().st_mode & 0o077 == 0
    assert logins["customer"]["password"] in first.output
    assert second.output == ""
    demo = shop.visitor()
    demo.login(**logins["customer"])
    assert number_on_card(demo.draw().text).isdigit()
    assert demo.balance == 2
