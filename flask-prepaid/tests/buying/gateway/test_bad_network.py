"""A bad network between the app and Stripe: nothing is lost, and nothing is paid twice."""

from __future__ import annotations

import logging
import random
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import stripe
from sqlalchemy import URL
from werkzeug.serving import make_server

from flask_prepaid.payments.models import PaymentState
from stripe_emulator import Emulator

from ..shop import Shop
from .certificates import Authority
from .faulty_line import IMPATIENT_S, FaultyLine, line_to_stripe
from .wire import FINE, Fault, free_port, served

SEED = 20261101
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<h1>Welcome to Hotel!</h1>"


@pytest.fixture
def line(database: URL) -> Iterator[FaultyLine]:
    with line_to_stripe(database) as line:
        yield line


def far_shop(database: URL, api_base: str, emulator: Emulator | None = None) -> Shop:
    """A shop that reaches Stripe at ``api_base`` as every shop does."""
    return Shop(
        database,
        webhooks=False,
        emulator=emulator,
        PREPAID_STRIPE_API_BASE=api_base,
        PREPAID_STRIPE_TIMEOUT=timedelta(minutes=1),
    )


def test_a_refused_connection_is_said_and_the_same_form_pays_later(database: URL) -> None:
    port, emulator = free_port(), Emulator()
    shop = far_shop(database, f"http://127.0.0.1:{port}", emulator)
    wish = {"pack": "starter", "attempt": "one-wish-0001"}

    refused = shop.send_form(shop.browser(), "/prepaid/buy", **wish)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "No card was charged" in refused.text
    with served(emulator.app, port):
        shop.pay(shop.session_of(shop.send_form(shop.browser(), "/prepaid/buy", **wish)))
        shop.put_right()

    assert (shop.balance(), len(shop.payments()), len(shop.charges())) == (100, 1, 1)
    shop.close()


def test_silence_is_not_known_yet_after_the_time_that_is_set(line: FaultyLine) -> None:
    line.break_by(Fault(silent=True), attempt_s=IMPATIENT_S)

    page = line.shop.press(line.card, attempt="one-wish-0001")

    assert "Do not pay again" in page.text
    assert [payment.state for payment in line.shop.payments()] == [PaymentState.UNKNOWN]
    line.mend()
    line.shop.put_right()
    assert [payment.state for payment in line.shop.payments()] == [PaymentState.FAILED]
    assert line.adds_up()


def test_a_request_cut_anywhere_is_charged_once_or_not_at_all(line: FaultyLine) -> None:
    line.charge_through(FINE)
    cuts = random.Random(SEED).sample(range(line.wire.longest_request), 3)

    states = {line.charge_through(Fault(cut_up=bytes_)) for bytes_ in cuts}

    assert states <= {PaymentState.PAID, PaymentState.FAILED}
    assert line.adds_up()


def test_an_answer_cut_anywhere_or_dropped_is_one_charge_with_its_credits(line: FaultyLine) -> None:
    line.charge_through(FINE)
    cuts = [0, *random.Random(SEED).sample(range(1, line.wire.longest_answer), 3)]

    states = {line.charge_through(Fault(cut_down=bytes_)) for bytes_ in cuts}

    assert states == {PaymentState.PAID}
    assert len(line.shop.charges()) == 1 + len(cuts)
    assert line.adds_up()


def test_a_slow_answer_works_and_a_very_slow_one_is_not_known_yet(line: FaultyLine) -> None:
    line.break_by(Fault(latency_s=0.05))
    assert "100 credits added" in line.shop.press(line.card).text

    line.break_by(Fault(latency_s=60), attempt_s=IMPATIENT_S)
    assert "Do not pay again" in line.shop.press(line.card).text

    line.mend()
    line.shop.put_right()
    assert [payment.state for payment in line.shop.payments()] == [PaymentState.PAID, PaymentState.PAID]
    assert line.adds_up()


def test_while_stripe_is_slow_other_pages_are_not(line: FaultyLine) -> None:
    line.break_by(Fault(silent=True))
    line.wire.reached.clear()
    with ThreadPoolExecutor(4) as buyers:
        waiting = [buyers.submit(line.shop.press, line.card) for _ in range(4)]
        assert line.wire.reached.wait(60)
        for _ in range(5):
            assert line.shop.browser("user:2").get("/prepaid/buy").status_code == 200
        assert [buyer.done() for buyer in waiting] == [False] * 4
        line.mend()
        line.wire.hang_up()
        assert {buyer.result().status_code for buyer in waiting} == {200}
    line.shop.put_right()

    assert line.adds_up()


def test_the_timeout_is_total_and_not_per_byte(line: FaultyLine) -> None:
    line.break_by(Fault(bytes_per_s=100), attempt_s=IMPATIENT_S)

    page = line.shop.press(line.card)

    assert "Do not pay again" in page.text  # all of the answer would have come in half a minute
    line.mend()
    line.shop.put_right()
    assert line.shop.payments()[-1].state is PaymentState.PAID
    assert line.adds_up()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("wrong", [None, "expired", "other_host", "other_authority"])
def test_nothing_is_sent_to_who_cannot_prove_to_be_stripe(
    database: URL,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wrong: str | None,
) -> None:
    issuer = Authority(tmp_path) if wrong == "other_authority" else authority
    certificate = issuer.certificate(
        "stripe.example" if wrong == "other_host" else "localhost", expired=wrong == "expired"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setattr(stripe, "ca_bundle_path", str(authority.file))  # the SDK's own setting
    emulator = Emulator()
    server = make_server("127.0.0.1", free_port(), emulator.app, ssl_context=context, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    shop = far_shop(database, f"https://localhost:{server.port}", emulator)
    try:
        answer = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")
    finally:
        server.shutdown()
        serving.join()
        server.server_close()

    alarms = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert answer.status_code == (303 if wrong is None else 503)
    assert ["SSLError" in record.getMessage() for record in alarms] == ([] if wrong is None else [True])
    shop.close()


def test_a_name_that_is_not_found_is_as_a_refused_connection(database: URL) -> None:
    shop = far_shop(database, "http://stripe.invalid:12111")

    answer = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert shop.balance() == 0
    shop.close()


def test_a_page_in_place_of_an_answer_is_not_known_yet_and_no_success(line: FaultyLine) -> None:
    line.break_by(Fault(says=HTML))

    page = line.shop.press(line.card)

    assert "Do not pay again" in page.text
    assert line.shop.balance() == 0
    line.mend()
    line.shop.put_right()
    assert line.adds_up()
