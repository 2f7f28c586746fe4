"""A developer follows the README, from an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import Result

from ..gateway.wire import free_port
from .test_commands import answers

README = (Path(__file__).parents[3] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The README's blocks of code."""
    return [dedent(block) for block in re.findall(rf"   ```{language}\n(.*?)   ```", README, re.DOTALL)]


@contextmanager
def running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture(autouse=True)
def app(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(blocks("python")[0])


def test_the_readme_leads_from_an_empty_folder_to_the_first_purchase(
    tmp_path: Path, typed: Callable[..., Result]
) -> None:
    make_tables, *servers = blocks("sh")[1].splitlines()
    listen, run = [[sys.executable, "-m", *line.split()] for line in servers]
    port, stripe_port = free_port(), free_port()
    shop, stripe = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{stripe_port}"
    environment = {**os.environ, "FLASK_PREPAID_STRIPE_API_BASE": stripe}
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    assert typed(make_tables, FLASK_PREPAID_STRIPE_API_BASE=stripe).exit_code == 0
    with (
        running([*run, "--port", str(port), "--no-reload"], tmp_path, environment),
        running([*listen], tmp_path, environment),
    ):
        assert answers(f"{stripe}/_emulator/state", within_s=60)
        assert answers(f"{shop}/prepaid/buy", within_s=60)
        page = browser.open(f"{shop}/prepaid/buy").read().decode()
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        form = urllib.parse.urlencode({"pack": "starter", "csrf_token": token[1]}).encode()
        at_stripe = browser.open(f"{shop}/prepaid/buy", data=form).url
        session = re.search(r"cs_test_\w+", at_stripe)
        assert session
        pay = urllib.request.Request(
            f"{stripe}/_emulator/pay",
            data=json.dumps({"session": session[0]}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(pay).close()

        back = browser.open(f"{shop}/prepaid/return?session_id={session[0]}").read().decode()
        report = browser.open(urllib.request.Request(f"{shop}/report", method="POST")).read().decode()
        after = browser.open(f"{shop}/prepaid/buy").read().decode()

    assert "100 credits added for $5.00" in back
    assert report == "A report for 3 credits.\n"
    assert "<strong>97</strong> credits" in after


def test_with_stripes_test_keys_nothing_is_missing_but_stripe_itself(typed: Callable[..., Result]) -> None:
    """There is no network here: all that ``doctor`` finds is that Stripe does not answer."""
    section = README.split("## With Stripe")[1]
    lines = section.split("```sh\n")[1].split("```")[0].splitlines()
    exports = [line.removeprefix("export ") for line in lines if line.startswith("export ")]
    make_tables, doctor, *_ = [line for line in lines if not line.startswith("export ")]
    nowhere = f"http://127.0.0.1:{free_port()}"
    environment = dict(pair.replace("...", "of_mine").split("=") for line in exports for pair in line.split())
    environment["FLASK_PREPAID_STRIPE_API_BASE"] = nowhere

    made = typed(make_tables, **environment)
    diagnosis = typed(f"{doctor} --json", **environment)

    assert made.exit_code == 0, made.output
    (only,) = json.loads(diagnosis.stdout)["findings"]
    assert f"Stripe does not answer at {nowhere}" in only


def test_without_the_keys_the_app_says_which_it_misses_and_where_it_looked(
    typed: Callable[..., Result],
) -> None:
    doctor = "flask prepaid doctor"

    misread = typed(doctor, PREPAID_STRIPE_SECRET_KEY="sk_live_x")
    no_webhook = typed(
        doctor,
        PREPAID_STRIPE_SECRET_KEY="sk_live_x",
        FLASK_PREPAID_STRIPE_SECRET_KEY="sk_live_x",
        FLASK_PREPAID_STRIPE_PUBLISHABLE_KEY="pk_live_x",
    )

    assert "reads it as FLASK_PREPAID_STRIPE_SECRET_KEY" in misread.stderr
    assert "PREPAID_STRIPE_WEBHOOK_SECRET is not set. `flask prepaid connect" in no_webhook.stderr
