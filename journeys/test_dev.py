"""What ``./dev run`` makes of the keys that it is given, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import free_port, the_dev_script
from .pages import ROOT


@pytest.mark.parametrize(
    ("keys", "emulated", "fetches", "secret"),
    [
        ({}, True, False, "made"),
        ({"STRIPE_SECRET_KEY": "sk_test_x"}, False, True, "made"),
        (
            {"STRIPE_SECRET_KEY": "rk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_mine"},
            False,
            False,
            "whsec_mine",
        ),
        ({"STRIPE_SECRET_KEY": "sk_live_x"}, False, False, None),
    ],
)
def test_stripes_events_are_fetched_where_it_can_not_send_them(
    keys: dict[str, str],
    emulated: bool,
    fetches: bool,
    secret: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("STRIPE_")]:
        monkeypatch.delenv(name)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    dev = the_dev_script()

    environment = dev.make_environment(dev.run_options(["--data", str(tmp_path)]), tmp_path)

    assert (dev.emulated(), dev.hears_for_itself()) == (emulated, fetches)
    known = environment.get("STRIPE_WEBHOOK_SECRET")
    assert known == secret or (secret == "made" and known.startswith("whsec_"))
    assert ("STRIPE_API_BASE" in environment) is emulated


def test_a_key_that_comes_later_is_not_sent_to_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``./dev flask prepaid doctor``, right after the key was written into ``.env``."""
    for name in [name for name in os.environ if name.startswith("STRIPE_")]:
        monkeypatch.delenv(name)
    dev = the_dev_script()
    before = dev.make_environment(dev.run_options(["--data", str(tmp_path)]), tmp_path)

    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_x")
    after = dev.environment_of(tmp_path)

    assert "STRIPE_API_BASE" in before
    assert after["STRIPE_SECRET_KEY"] == "sk_live_x"
    others = ("STRIPE_API_BASE", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET")
    assert [name for name in others if name in after] == []


def test_a_key_that_misses_another_is_told_so_in_a_sentence_once(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text(json.dumps({}))
    ports = ["--port", str(free_port()), "--emulator-port", str(free_port())]

    done = subprocess.run(
        [sys.executable, str(ROOT / "dev"), "run", "--data", str(tmp_path), *ports],
        env={**os.environ, "STRIPE_SECRET_KEY": "sk_live_x"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.count("STRIPE_WEBHOOK_SECRET is not set.") == 1
    assert "Traceback" not in done.stderr
    assert "the reason stands above" in done.stderr.splitlines()[-1]
