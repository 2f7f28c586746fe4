"""What ``./dev run`` makes of the keys that it is given, and what it says."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tools.run import data_folder, settings
from tools.run.shop import run_options

from .conftest import free_port
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

    environment = settings.make_environment(run_options(["--data", str(tmp_path)]), tmp_path)

    assert (settings.emulated(), settings.hears_for_itself()) == (emulated, fetches)
    known = environment.get("STRIPE_WEBHOOK_SECRET")
    assert known == secret or (secret == "made" and (known or "").startswith("whsec_"))
    assert ("STRIPE_API_BASE" in environment) is emulated


def test_a_key_that_comes_later_is_not_sent_to_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``./dev flask prepaid doctor``, right after the key was written into ``.env``."""
    for name in [name for name in os.environ if name.startswith("STRIPE_")]:
        monkeypatch.delenv(name)
    before = settings.make_environment(run_options(["--data", str(tmp_path)]), tmp_path)

    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_x")
    after = settings.environment_of(tmp_path)

    assert "STRIPE_API_BASE" in before
    assert after["STRIPE_SECRET_KEY"] == "sk_live_x"
    others = ("STRIPE_API_BASE", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET")
    assert [name for name in others if name in after] == []


def test_the_key_of_an_env_file_with_a_byte_order_mark_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    (tmp_path / ".env").write_text("STRIPE_SECRET_KEY=sk_test_x\n", encoding="utf-8-sig")

    assert settings.emulated() is False  # else the emulator would serve in place of Stripe's test mode


def test_a_key_that_misses_another_is_told_so_in_a_sentence_once(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text(json.dumps({}))
    ports = ["--port", str(free_port()), "--emulator-port", str(free_port())]

    done = subprocess.run(
        [sys.executable, str(ROOT / "dev"), "run", "--data", str(tmp_path), *ports],
        env={**os.environ, "STRIPE_SECRET_KEY": "sk_live_x"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    assert done.stderr.count("STRIPE_WEBHOOK_SECRET is not set.") == 1
    assert "Traceback" not in done.stderr
    assert "the reason stands above" in done.stderr.splitlines()[-1]


def test_two_at_once_do_not_share_a_data_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:

    with data_folder.ours_alone(tmp_path), pytest.raises(SystemExit), data_folder.ours_alone(tmp_path):
        raise AssertionError("it is taken")

    assert "another ./dev run is at work" in capfd.readouterr().err
    with data_folder.ours_alone(tmp_path):
        pass


def test_a_data_folder_is_for_its_owner_alone_and_so_is_what_lay_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "mails").mkdir(parents=True)
    data.chmod(0o755)
    for file in (data / "rando.sqlite3", data / "mails" / "1.log"):
        file.write_text("x")
        file.chmod(0o644)

    with data_folder.ours_alone(data):
        (data / "new").touch()

    for path in (data, *data.glob("*.sqlite3"), *data.glob("mails/*"), data / "new"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("folder", ["home", "."])
def test_a_folder_that_others_use_is_not_closed_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], folder: str
) -> None:
    """One's home, and what it lies in; so is it with all temporary files, and with this repository."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data = (tmp_path / folder).resolve()
    data.chmod(0o755)

    with pytest.raises(SystemExit), data_folder.ours_alone(data):
        pass

    assert "holds more than a shop" in capfd.readouterr().err
    assert data.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_can_not_be_written_and_an_empty_database_are_named_in_a_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit), data_folder.ours_alone(tmp_path / "file" / "data"):
        pass
    assert "can't be written" in capfd.readouterr().err

    (tmp_path / "rando.sqlite3").touch()
    with pytest.raises(SystemExit), data_folder.ours_alone(tmp_path):
        pass
    assert "is empty, and so no database" in capfd.readouterr().err


def test_what_a_database_holds_is_in_its_file_once_the_shop_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "rando.sqlite3"
    books = sqlite3.connect(file)
    books.execute("PRAGMA journal_mode = WAL")
    books.execute("CREATE TABLE paid (x)")
    books.execute("INSERT INTO paid VALUES (1)")
    books.commit()

    data_folder.whole(file)

    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())  # the one file, as somebody copies it
    with closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("SELECT * FROM paid").fetchall() == [(1,)]
    books.close()
