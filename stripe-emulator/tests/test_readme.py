"""The commands and the code in the README work as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import stripe

from stripe_emulator import Emulator, contract
from stripe_emulator.api import routing
from stripe_emulator.server import load
from stripe_emulator.server.seed import plant

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
#: Tag of a block -> the command that runs a file of it, where the machine has one.
LANGUAGES = {"php": ["php"], "ruby": ["ruby"], "go": ["go", "run"]}
ADDRESS = "http://127.0.0.1:12111"


def blocks(language: str, about: Callable[[str], bool] = lambda _: True) -> list[str]:
    return [text for tag, text in BLOCKS if tag == language and about(text)]


def installs(text: str) -> bool:
    return text.startswith("pip install")


def serves(text: str) -> bool:
    return text.startswith("stripe-emulator ")


def is_test(text: str) -> bool:
    return "def test_" in text


def run(folder: Path, *command: str) -> str:
    venv = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{venv}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def here(text: str, emulator: Emulator) -> str:
    return text.replace(ADDRESS, emulator.store.base_url)


def test_every_block_is_run_by_one_of_these() -> None:
    others = blocks("sh", lambda text: not installs(text) and not serves(text))

    assert {tag for tag, _ in BLOCKS} == {"sh", "python", "js", "yaml", *LANGUAGES}
    assert all(text.startswith("curl ") for text in others)


def test_what_is_to_be_installed_is_this_package() -> None:
    assert blocks("sh", installs) == ["pip install stripe-emulator\n"]


@pytest.mark.parametrize("block", blocks("sh", serves))
def test_the_command_in_the_readme_serves(block: str) -> None:
    _, *options = shlex.split(block.replace("--port 12111", "--port 0"))
    command = [sys.executable, "-m", "stripe_emulator", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=60) == 0
    assert line.startswith("stripe-emulator on http://127.0.0.1:")


@pytest.mark.parametrize("block", blocks("python", lambda text: ADDRESS in text))
def test_python_reaches_it_by_http(block: str, served: Emulator, tmp_path: Path) -> None:
    assert "/pay/cs_test_" in run(tmp_path, sys.executable, "-c", here(block, served))


@pytest.mark.parametrize("block", blocks("python", lambda text: ADDRESS not in text and not is_test(text)))
def test_python_has_it_in_its_own_process(block: str, tmp_path: Path) -> None:
    run(tmp_path, sys.executable, "-c", block)


@pytest.mark.parametrize("block", blocks("python", is_test))
def test_the_test_in_the_readme_passes(block: str, tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(block, encoding="utf-8")

    assert "1 passed" in run(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_languages_reach_the_emulator(language: str, served: Emulator, tmp_path: Path) -> None:
    program, *options = LANGUAGES[language]
    if shutil.which(program) is None:
        pytest.skip(f"this machine has no {program}")
    (block,) = blocks(language)
    source = tmp_path / f"main.{language}"
    source.write_text(here(block, served), encoding="utf-8")

    run(tmp_path, program, *options, str(source))

    assert served.state()["objects"]["charge"] == 1


def test_the_container_serves_where_it_says(tmp_path: Path) -> None:
    lines = (README.parent / "Containerfile").read_text(encoding="utf-8").splitlines()
    words = {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
    _, *options = json.loads(words["ENTRYPOINT"])
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    command = [sys.executable, "-m", "stripe_emulator", *options, "--port", "0", "--data", "stripe.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=60) == 0
    assert line.startswith(f"stripe-emulator on http://127.0.0.1:{words['EXPOSE']} ")
    assert words["USER"] == "stripe"
    assert all((README.parent / name).exists() for name in copied)


@pytest.mark.parametrize("block", blocks("js"))
def test_node_reaches_the_emulator(block: str, served: Emulator, tmp_path: Path) -> None:
    run(tmp_path, "node", "--input-type=module", "--eval", here(block, served))

    assert served.state()["objects"]["charge"] == 1


@pytest.mark.parametrize("block", blocks("sh", lambda text: text.startswith("curl ")))
def test_curl_reaches_the_emulator(block: str, served: Emulator, tmp_path: Path) -> None:
    assert "jenny@example.com" in run(tmp_path, "bash", "-euc", here(block, served))


@pytest.mark.parametrize("block", blocks("yaml"))
def test_the_seed_in_the_readme_is_planted(block: str, stripe_emulator: Emulator, tmp_path: Path) -> None:
    seed = tmp_path / "shop.yaml"
    seed.write_text(block, encoding="utf-8")

    plant(stripe_emulator, seed)

    client = stripe.StripeClient("sk_test_x", http_client=stripe_emulator.http_client())
    assert client.v1.prices.list({"lookup_keys": ["ten"]}).data[0].product == "credits"
    assert len(client.v1.customers.payment_methods.list("cus_jenny").data) == 1


def test_the_readme_lists_each_control(stripe_emulator: Emulator) -> None:
    text = README.read_text(encoding="utf-8")
    listed = set(re.findall(r"`(?:GET|POST) (/_emulator/\w+)`", text))
    served = {
        str(rule)
        for rule in stripe_emulator.app.url_map.iter_rules()
        if re.fullmatch(r"/_emulator/\w+", str(rule))
    }

    assert listed == served


def test_three_fifths_of_version_1_are_answered_as_the_readme_says() -> None:
    load.load()
    answered = [
        ours
        for name, routes in contract.coverage(routing.serves).items()
        for _, ours in routes
        if name.startswith("v1/")
    ]

    assert "three fifths of version 1" in README.read_text(encoding="utf-8")
    assert 0.6 <= sum(answered) / len(answered) < 0.65


def test_the_readme_names_the_version_of_the_installed_sdk() -> None:
    assert f"`{stripe.api_version}`" in README.read_text(encoding="utf-8")
