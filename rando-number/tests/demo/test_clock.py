"""In test mode credits go by the emulator's clock, so that what `advance` says is so here, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from rando_number import create_app
from rando_number.columns import utc_now
from rando_number.demo.clock import EmulatorClock, clock_of
from stripe_emulator import Emulator

from ..live_settings import LIVE

DAY_S = 86_400


@pytest.fixture
def stripe() -> Iterator[tuple[Emulator, str]]:
    """An emulator behind a real socket, and its URL."""
    emulator = Emulator()
    listening = make_server("127.0.0.1", 0, emulator.app, threaded=True)
    thread = Thread(target=listening.serve_forever)
    thread.start()
    yield emulator, f"http://127.0.0.1:{listening.port}"
    listening.shutdown()
    thread.join()
    listening.server_close()


def apart(clock: EmulatorClock) -> float:
    return (clock() - utc_now()).total_seconds()


def test_credits_lapse_where_the_emulators_clock_says_so(
    stripe: tuple[Emulator, str], tmp_path: Path
) -> None:
    emulator, url = stripe
    app = create_app({"RANDO_DATA": str(tmp_path), "STRIPE_API_BASE": url})
    assert app.test_cli_runner().invoke(args=["rando", "prepare"]).exit_code == 0
    prepaid = app.extensions["prepaid"]
    with app.app_context():
        ends = utc_now() + timedelta(days=30)
        prepaid.grant("user:1", 5, key="test", reason="for a month", expires_at=ends)
        prepaid.session.commit()

    emulator.advance(seconds=31 * DAY_S)

    with app.app_context():
        prepaid.clock.ask_anew()
        assert prepaid.balance("user:1") == 0


def test_the_emulators_clock_is_not_asked_for_each_time(stripe: tuple[Emulator, str]) -> None:
    emulator, url = stripe
    clock = EmulatorClock(url)
    assert abs(apart(clock)) < 5

    emulator.advance(seconds=DAY_S)

    assert abs(apart(clock)) < 5


def test_what_an_event_brings_is_dated_by_the_clock_that_the_emulator_has_then(
    stripe: tuple[Emulator, str], tmp_path: Path
) -> None:
    emulator, url = stripe
    app = create_app({"RANDO_DATA": str(tmp_path), "STRIPE_API_BASE": url})
    with app.app_context():
        clock = app.extensions["prepaid"].clock
    assert abs(apart(clock)) < 5
    emulator.advance(seconds=DAY_S)

    app.test_client().get("/healthz")
    assert abs(apart(clock)) < 5
    app.test_client().post("/prepaid/webhook", data="{}")

    assert abs(apart(clock) - DAY_S) < 5


def test_an_emulator_that_does_not_answer_changes_nothing() -> None:
    assert abs(apart(EmulatorClock("http://127.0.0.1:1"))) < 5


def test_where_money_is_real_the_clock_is_the_machines(tmp_path: Path) -> None:
    app = create_app({**LIVE, "RANDO_DATA": str(tmp_path)})

    assert clock_of(app) is utc_now
