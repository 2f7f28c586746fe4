"""Limits whose counters are on a server that goes away."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rando_number.rate_limits import fallback
from rando_number.rate_limits.rates import limiter

from ..running_shop import Program, RunningShop


@contextmanager
def nobody_listens() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    yield port


@contextmanager
def stands_still() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("trouble", [nobody_listens, stands_still])
def test_the_shop_sells_and_limits_while_its_counters_are_away(
    trouble: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, fallback.log.name)
    assert callable(trouble)
    with trouble() as port:
        shop = RunningShop(
            tmp_path,
            RATELIMIT_ENABLED="1",
            RATELIMIT_STORAGE_URI=f"redis://127.0.0.1:{port}",
            RANDO_API_RATE="5",
        )
        customer = shop.customer(credits=20)
        program = Program(shop, customer.make_key())

        numbers = [program.get("/number/").status_code for _ in range(6)]
        guesses = [shop.visitor().login("pat@rando.test", "wrong wrong wrong").status_code for _ in range(11)]
        ready = shop.programs.get("/readyz")

    assert numbers == [200] * 5 + [429]
    assert guesses == [200] * 10 + [429]
    assert (ready.status_code, ready.json) == (
        200,
        {
            "status": "ok",
            "reasons": [],
            "warnings": [
                "The counters of limits (RATELIMIT_STORAGE_URI) do not answer: "
                "each process counts for itself."
            ],
        },
    )
    warned = [record.getMessage() for record in caplog.records if record.name == fallback.log.name]
    assert len(warned) == 1, warned
    assert "Each process counts for itself until they do." in warned[0]
    assert shop.audit() == []


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_counters_that_are_back_count_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "RETRY_AFTER_S", 0.1)
    monkeypatch.setattr(fallback, "ANSWER_S", 30)  # on a busy machine, too, it is Redis that counts
    with nobody_listens() as port:
        shop = RunningShop(
            tmp_path,
            RATELIMIT_ENABLED="1",
            RATELIMIT_STORAGE_URI=f"redis://127.0.0.1:{port}",
            RANDO_API_RATE="5",
        )
        program = Program(shop, shop.customer(credits=20).make_key())
        assert program.get("/number/").status_code == 200
        words = ["--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
        server = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        try:
            until_s = time.monotonic() + 60
            while not limiter.storage.check() and time.monotonic() < until_s:
                time.sleep(0.02)

            assert [program.get("/number/").status_code for _ in range(6)] == [200] * 5 + [429]
            assert shop.programs.get("/readyz").json == {"status": "ok", "reasons": [], "warnings": []}
        finally:
            server.terminate()
            server.wait(60)
        assert program.get("/number/").status_code == 200, "counted here, where one call was made before"
    assert shop.audit() == []
