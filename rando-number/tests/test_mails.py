"""Mails: where they go, and who may read those that go nowhere."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path

import pytest

from flask_prepaid.cli import commands

from .shop import Shop
from .test_config import LIVE


def test_a_customer_reads_their_own_mails_and_nobody_elses(shop: Shop) -> None:
    customer = shop.customer("pat@rando.test")
    for email in ("pat@rando.test", "other@rando.test"):
        shop.customer("other@rando.test") if email.startswith("other") else None
        shop.visitor().send("/reset", email=email)

    page = customer.get("/mails").text

    assert "To pat@rando.test" in page
    assert "other@rando.test" not in page
    link = re.search(r'href="(http://localhost/reset/[^"]+)"', page)
    assert link is not None
    assert shop.visitor().get(link[1]).status_code == 200


def test_a_stranger_reads_mails_only_of_a_shop_that_is_served_to_this_machine_alone(tmp_path: Path) -> None:
    here = Shop(tmp_path / "here", RANDO_BASE_URL="http://127.0.0.1:5555")
    there = Shop(tmp_path / "there", RANDO_BASE_URL="http://rando.test")
    for shop in (here, there):
        shop.customer()
        shop.visitor().send("/reset", email="pat@rando.test")

    assert "To pat@rando.test" in here.visitor().get("/mails").text
    assert there.visitor().get("/mails").status_code == 404


@pytest.mark.parametrize(
    "settings", [{"MAIL_SERVER": "127.0.0.1"}, LIVE], ids=["a mail server", "production"]
)
def test_where_mails_are_really_sent_there_is_no_such_page(tmp_path: Path, settings: dict[str, str]) -> None:
    shop = Shop(tmp_path, **{"RANDO_BASE_URL": "http://127.0.0.1", **settings, "RATELIMIT_ENABLED": "1"})

    page = shop.app.test_client().get("/mails", base_url=shop.app.config["BASE_URL"])

    assert page.status_code == 404


def test_a_mail_server_that_is_down_breaks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(tmp_path, MAIL_SERVER="127.0.0.1", MAIL_PORT="1", RANDO_CONFIRM_EMAIL="1")

    with caplog.at_level(logging.ERROR):
        registered = shop.visitor().register("pat@rando.test")
        for thread in threading.enumerate():
            if thread.name.endswith("(deliver)"):
                thread.join(10)

    assert registered.status_code == 302
    assert "a mail was not sent: ConnectionRefusedError" in caplog.text
    assert shop.rows()["users"] == 1


def test_a_customer_is_told_once_that_the_credits_run_low(tmp_path: Path) -> None:
    shop = Shop(tmp_path, RANDO_BASE_URL="http://127.0.0.1:5555")
    customer = shop.customer("pat@rando.test")
    owner = "user:1"
    with shop.app.app_context():
        shop.prepaid.spend_now(owner, credits=shop.prepaid.balance(owner) - 1, key="work:1")

    for _ in range(2):
        assert shop.app.test_cli_runner().invoke(commands, ["tick"]).exit_code == 0

    page = customer.get("/mails").text
    assert page.count("You have 1 credit left") == 1
    assert "http://127.0.0.1:5555/buy-credits" in page
