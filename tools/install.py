"""What ``./dev`` installs first: the hashed lock into ``.venv``, and a browser. It needs Python alone."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
PROJECTS = ("prepaid-ledger", "flask-prepaid", "stripe-emulator", "rando-number")
NODE_MODULES = ROOT / "node_modules"
CHROMIUM = NODE_MODULES / ".chromium"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def stop(line: str) -> NoReturn:
    say(f"./dev: {line}")
    raise SystemExit(1)


def install(*, dev: bool) -> None:
    """Make .venv hold exactly the hashed lock. A stamp of the lock makes a second start free."""
    lock = ROOT / ("requirements-dev.txt" if dev else "requirements.txt")
    if stamped("dev") or (not dev and stamped("run")):
        return
    if not PYTHON.exists():
        say("making .venv, once")
        if sys.version_info < (3, 11):
            stop("Python 3.11 or newer is needed; run this script with it, as in `python3.11 dev run`.")
        done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
        if done.returncode:
            stop("python could not make .venv. On Debian: apt install python3-venv")
    count = sum("==" in line and line[0].isalnum() for line in lock.read_text().splitlines())
    say(f"installing the {count} packages of {lock.name}; it takes a minute, and only this once")
    editable = [word for project in PROJECTS for word in ("-e", str(ROOT / project))]
    tool = installer()
    for words in (["--require-hashes", "-r", str(lock)], ["--no-deps", "--no-build-isolation", *editable]):
        if not any(quiet([*way, *words]) for way in tool):
            subprocess.run([*tool[-1], *words], check=False)
            stop("the packages could not be installed. Is the package index within reach?")
    for name in ("run", "dev") if dev else ("run",):
        stamp_file(name).write_text(stamp(name))


def installer() -> list[list[str]]:
    """uv first, for it is quick; pip where uv can't be had or doesn't know this machine's index."""
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    uv = BIN / "uv"
    if uv.exists() or quiet([*pip, "--require-hashes", "-r", str(ROOT / "requirements-uv.txt")]):
        return [[str(uv), "pip", "install", "-q", "--compile-bytecode", "--python", str(PYTHON)], pip]
    return [pip]


def stamp(name: str) -> str:
    """A hash of all that decides what is installed; the place too, since editable installs name it."""
    files = [ROOT / "requirements.txt", *(ROOT / project / "pyproject.toml" for project in PROJECTS)]
    if name == "dev":
        files.append(ROOT / "requirements-dev.txt")
    hashed = hashlib.sha256(str(ROOT).encode())
    for file in files:
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def stamp_file(name: str) -> Path:
    return VENV / f".{name}-stamp"


def stamped(name: str) -> bool:
    file = stamp_file(name)
    return PYTHON.exists() and file.exists() and file.read_text() == stamp(name)


def quiet(command: list[str]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def install_browser() -> Path:
    """The path of a Chromium: CHROMIUM if it is set, else the one that npm brings."""
    if os.environ.get("CHROMIUM"):
        return Path(os.environ["CHROMIUM"])
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        stop("the browser that npm brings is for Linux on x86-64; set CHROMIUM to one of yours.")
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    mark = CHROMIUM / "stamp"
    if not (mark.exists() and mark.read_text() == lock):
        if not shutil.which("npm"):
            stop("npm is needed for the browser tests. On Debian: apt install npm")
        say("installing Chromium and Stripe's CLI from npm")
        npm = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
        if subprocess.run(npm, cwd=ROOT).returncode:
            stop("npm could not install package-lock.json. Is the registry within reach?")
        unpack_browser(NODE_MODULES / "@sparticuz/chromium/bin")
        mark.write_text(lock)
    return CHROMIUM / "chromium.sh"


def browser_environment() -> dict[str, str]:
    """This process's environment, with what tests in a browser look for."""
    return {**os.environ, "CHROMIUM": str(install_browser()), "NODE_MODULES": str(NODE_MODULES)}


def unpack_browser(source: Path) -> None:
    """Chromium comes as Brotli archives, with the libraries and a font that a bare machine lacks."""
    CHROMIUM.mkdir(exist_ok=True)
    unbrotli = "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)"
    for name in ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar"):
        target = CHROMIUM / name
        with (source / f"{name}.br").open("rb") as packed, target.open("wb") as unpacked:
            subprocess.run(["node", "-e", unbrotli], stdin=packed, stdout=unpacked, check=True)
        if target.suffix == ".tar":
            shutil.unpack_archive(target, CHROMIUM, filter="data")
            target.unlink()
    (CHROMIUM / "chromium").chmod(0o755)
    linked = subprocess.run(["ldd", str(CHROMIUM / "chromium")], capture_output=True, text=True).stdout
    libraries = f'export LD_LIBRARY_PATH="{CHROMIUM}/lib"\n' if "not found" in linked else ""
    fonts = "" if quiet(["fc-match", "sans"]) else f'export FONTCONFIG_FILE="{CHROMIUM}/fonts.conf"\n'
    (CHROMIUM / "fonts.conf").write_text(
        f"<fontconfig><dir>{CHROMIUM}/fonts</dir><cachedir>{CHROMIUM}/cache</cachedir></fontconfig>\n"
    )
    script = CHROMIUM / "chromium.sh"
    script.write_text(f'#!/bin/sh\n{libraries}{fonts}exec "{CHROMIUM}/chromium" "$@"\n')
    script.chmod(0o755)
