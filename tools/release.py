"""Build, check and tag a version of all four packages: ``./dev release 0.2.0 [--dry-run]``.

It writes the version into the four ``pyproject.toml``, dates the changelog, runs ``./dev check`` and the
tests of the built wheels, builds into ``dist/``, commits and tags. It pushes and uploads nothing: it says
which commands do. ``--dry-run`` builds and checks what is here, and changes no file outside of ``dist/``.
"""

from __future__ import annotations

import argparse
import datetime
import re
import shutil
import subprocess
import sys
import tomllib

from .install import PROJECTS, ROOT, say
from .workshop import must

DIST = ROOT / "dist"
CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "## Unreleased"

BUILD = """
import sys
from flit_core.buildapi import build_sdist, build_wheel
build_wheel(sys.argv[1])
build_sdist(sys.argv[1])
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev release", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", options.version):
        parser.error("a version is three numbers, such as 0.2.0 or 0.2.0rc1")
    if not options.dry_run:
        refuse_unless_ready(options.version)
        write_version(options.version)
        date_the_changelog(options.version)
    must(sys.executable, "-m", "tools.check")
    must(sys.executable, "-m", "pytest", "-q", "journeys/test_packages.py")
    build()
    if options.dry_run:
        say(f"built {', '.join(sorted(file.name for file in DIST.iterdir()))}; nothing was committed")
        return
    must("git", "commit", "-aqm", f"Release {options.version}")
    must("git", "tag", "-a", f"v{options.version}", "-m", f"Version {options.version}")
    say(f"tagged v{options.version}. To publish: git push --follow-tags, then upload what lies in dist/")


def refuse_unless_ready(version: str) -> None:
    """A release has a clean work tree, a new tag, and something to say in the changelog."""
    if output_of("git", "status", "--porcelain"):
        raise SystemExit("commit or put away your changes first: a release is made of what is committed.")
    if output_of("git", "tag", "-l", f"v{version}"):
        raise SystemExit(f"v{version} is there already.")
    if UNRELEASED not in CHANGELOG.read_text():
        raise SystemExit(f"the changelog has no {UNRELEASED!r}: nothing is new.")


def output_of(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def write_version(version: str) -> None:
    """One version for all: each project's own, and what one asks of the other."""
    for project in PROJECTS:
        file = ROOT / project / "pyproject.toml"
        text = re.sub(r'^version = ".*"$', f'version = "{version}"', file.read_text(), flags=re.MULTILINE)
        for other in PROJECTS:
            text = re.sub(rf'^(    "{other})==[^"]*"', rf'\1=={version}"', text, flags=re.MULTILINE)
        assert tomllib.loads(text)["project"]["version"] == version, file
        file.write_text(text)


def date_the_changelog(version: str) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    text = CHANGELOG.read_text().replace(UNRELEASED, f"## {version} ({today})", 1)
    CHANGELOG.write_text(text)


def build() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    for project in PROJECTS:
        subprocess.run([sys.executable, "-c", BUILD, str(DIST)], cwd=ROOT / project, check=True)


if __name__ == "__main__":
    main()
