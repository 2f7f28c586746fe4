"""A developer follows the README, from an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from textwrap import dedent

from .test_commands import answers
from .wire import free_port

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The README's blocks of code."""
    return [dedent(found) for found in re.findall(rf"   ```{language}\n(.*?)   ```", README, re.DOTALL)]


@contextmanager
def running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def test_the_readme_leads_from_an_empty_folder_to_the_first_purchase(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(blocks("python")[0])
    make_tables, listen, run = [
        [sys.executable, "-m", *line.split()] for line in blocks("sh")[1].splitlines()
    ]
    port, stripe_port = free_port(), free_port()
    shop, stripe = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{stripe_port}"
    environment = {**os.environ, "FLASK_PREPAID_STRIPE_API_BASE": stripe}
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    subprocess.run(make_tables, cwd=tmp_path, env=environment, check=True, capture_output=True)
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

    assert "100 credits were added for $5.00" in back
    assert report == "A report for 3 credits.\n"
    assert "<strong>97</strong> credits" in after
