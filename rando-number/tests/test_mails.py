"""Mails: where they go, and who may read those that no server sends."""

from __future__ import annotations

import logging
import queue
import re
import socketserver
import threading
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from .live_settings import LIVE
from .running_shop import Program, RunningShop


def test_a_customer_reads_their_own_mails_and_nobody_elses(shop: RunningShop) -> None:
    customer = shop.customer("pat@rando.test")
    shop.customer("other@rando.test")
    for email in ("pat@rando.test", "other@rando.test"):
        shop.visitor().send("/reset", email=email)

    page = customer.get("/mails").text

    assert "To pat@rando.test" in page
    assert "other@rando.test" not in page
    link = re.search(r'href="(http://localhost/reset/[^"]+)"', page)
    assert link is not None
    assert shop.visitor().get(link[1]).status_code == 200


def test_without_a_sign_in_mails_are_shown_only_where_the_shop_is_served_to_this_machine_alone(
    tmp_path: Path,
) -> None:
    here = RunningShop(tmp_path / "here", RANDO_BASE_URL="http://127.0.0.1:5555")
    there = RunningShop(tmp_path / "there", RANDO_BASE_URL="http://rando.test")
    for shop in (here, there):
        shop.customer()
        shop.visitor().send("/reset", email="pat@rando.test")

    assert "To pat@rando.test" in here.visitor().get("/mails").text
    assert there.visitor().get("/mails").status_code == 404


@pytest.mark.parametrize(
    "settings", [{"MAIL_SERVER": "127.0.0.1"}, LIVE], ids=["a mail server", "production"]
)
def test_there_is_no_page_of_mails_where_a_server_sends_them(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    shop = RunningShop(
        tmp_path, **{"RANDO_BASE_URL": "http://127.0.0.1", **settings, "RATELIMIT_ENABLED": "1"}
    )

    page = shop.app.test_client().get("/mails", base_url=shop.app.config["BASE_URL"])

    assert page.status_code == 404


def test_a_mail_server_that_is_down_breaks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop = RunningShop(tmp_path, MAIL_SERVER="127.0.0.1", MAIL_PORT="1", RANDO_CONFIRM_EMAIL="1")

    with caplog.at_level(logging.ERROR):
        registered = shop.visitor().register("pat@rando.test")
        for thread in threading.enumerate():
            if thread.name.endswith("(deliver)"):
                thread.join(60)

    assert registered.status_code == 302
    assert "a mail was not sent: ConnectionRefusedError" in caplog.text
    assert shop.rows()["users"] == 1


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is given: just so much of SMTP as a client needs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailConversation)
        self.mails: queue.Queue[Any] = queue.Queue()
        self.is_full = False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class MailConversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA") and self.server.is_full:
                self.wfile.write(b"452 no room\r\n")
                continue
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                lines = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.put(message_from_bytes(lines, policy=policy.default))
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 well\r\n")


def test_a_mail_server_is_given_the_mails_of_accounts_and_of_credits_later_where_it_was_full(
    tmp_path: Path,
) -> None:
    with MailServer() as server:
        port = str(server.server_address[1])
        here = {"RANDO_BASE_URL": "http://127.0.0.1:5555"}
        shop = RunningShop(tmp_path, MAIL_SERVER="127.0.0.1", MAIL_PORT=port, **here)
        customer = shop.customer("pat@rando.test")
        shop.visitor().send("/reset", email="pat@rando.test")
        reset = server.mails.get(timeout=60)
        for _ in range(2):
            customer.draw()
        server.is_full = True
        tick(shop)
        server.is_full = False
        shop.stripe.advance(hours=1)
        tick(shop)
        warning = server.mails.get(timeout=60)
        server.shutdown()

    assert reset["To"] == "pat@rando.test"
    assert "/reset/" in reset.get_body(("plain",)).get_content()
    assert warning["Subject"] == "You have 1 credit left"
    assert re.fullmatch(r"<msg_\w+@127\.0\.0\.1>", warning["Message-ID"])
    assert server.mails.empty()


def tick(shop: RunningShop) -> None:
    assert shop.command("prepaid", "tick").exit_code == 0


def test_one_mail_is_sent_for_each_time_that_the_credits_run_low(tmp_path: Path) -> None:
    shop = RunningShop(tmp_path, RANDO_BASE_URL="http://127.0.0.1:5555")
    customer = shop.customer("pat@rando.test")

    def warnings() -> tuple[int, int]:
        """How often of one credit left, and of none."""
        tick(shop)
        page = customer.get("/mails").text
        return page.count("You have 1 credit left"), page.count("You have no credits left")

    customer.draw()
    assert warnings() == (0, 0)
    customer.draw()
    assert warnings() == (1, 0)
    customer.draw()
    assert warnings() == (1, 0)
    assert "http://127.0.0.1:5555/buy-credits" in customer.get("/mails").text

    shop.stripe.pay(customer.buy(pack="starter"))
    assert warnings() == (1, 0)
    program = Program(shop, customer.make_key())
    program.post("/numbers", {"count": 10})
    assert warnings() == (1, 1)
    assert warnings() == (1, 1)


def test_nobody_writes_to_a_closed_account(tmp_path: Path) -> None:
    shop = RunningShop(tmp_path, RANDO_BASE_URL="http://127.0.0.1:5555")
    customer = shop.customer("pat@rando.test")
    customer.send("/close-account")
    before = shop.mails()

    tick(shop)

    assert shop.mails() == before


def test_an_address_that_ends_like_another_reads_none_of_its_mails(shop: RunningShop) -> None:
    shop.customer("pat@rando.test")
    shop.visitor().send("/reset", email="pat@rando.test")

    assert "To pat@rando.test" not in shop.customer("at@rando.test").get("/mails").text


def test_an_operator_sees_a_mail_in_a_frame_that_no_other_site_can_make(shop: RunningShop) -> None:
    boss = shop.operator("support").client

    page, framed = boss.get("/admin/mails"), boss.get("/admin/mails/receipt")

    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'self'; sandbox" in framed.headers["Content-Security-Policy"]
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Rando Number" in framed.text
