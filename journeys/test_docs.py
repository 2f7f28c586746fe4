"""What the documentation tells people to type is typed here, and what it says of settings is compared.

A block of code is run, unless a comment right above it says otherwise:

``<!-- file: app.py -->``
    It is saved under that name, in a folder of the page's own. The folder's tests are run.
``<!-- shown: why -->``
    It is not run, for the reason given.

Other blocks of Python are run in order, one namespace for each page, with ``app`` and ``db``; where the page
makes no ``Prepaid`` of its own, ``prepaid`` is there too, and ``user:1`` has 100 credits. Lines of shell are
parsed by the program that they name; the tutorial's are run as they stand, in ``test_tutorial.py``.
"""

from __future__ import annotations

import ast
import os
import re
import runpy
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import flask.cli
import flask_migrate.cli
import pytest
from flask import Flask
from flask.cli import FlaskGroup
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, create_engine, inspect
from tools.run.shop import run_options

import rando_number.cli
import stripe_emulator.__main__
from flask_prepaid import Prepaid
from flask_prepaid.cli.commands import commands
from flask_prepaid.testing import Databases

from .architecture.charters import CHARTERS
from .pages import DATA, PAGES, ROOT, blocks, running

FLASK = {
    "prepaid": commands,
    "rando": rando_number.cli.commands,
    "db": flask_migrate.cli.db,
    "run": flask.cli.run_command,
    "shell": flask.cli.shell_command,
}

#: Pages that a test of their own follows from an empty folder.
FOLLOWED = {
    "docs/tutorial.md": "journeys/test_tutorial.py",
    "docs/how-to/single-page.md": "journeys/test_single_page.py",
    "flask-prepaid/README.md": "flask-prepaid/tests/buying/cli/test_readme.py",
    "stripe-emulator/README.md": "stripe-emulator/tests/test_readme.py",
}
WITH_PYTHON = [
    page
    for page in PAGES
    if page not in FOLLOWED and any(block.language == "python" and not block.file for block in running(page))
]
WITH_FILES = [page for page in PAGES if page not in FOLLOWED and any(block.file for block in running(page))]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"))


def test_each_page_with_a_test_of_its_own_has_that() -> None:
    assert [test for test in FOLLOWED.values() if not (ROOT / test).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in FOLLOWED])
def test_every_block_is_in_a_language_that_is_run_or_known_as_data(page: str) -> None:
    assert {block.language for block in blocks(page)} <= {"python", "sh", "", *DATA}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_of_ours_leads_there(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())

    gone = [to for to in targets if "://" not in to and not ((ROOT / page).parent / to).exists()]

    assert gone == []


def test_the_list_for_language_models_names_each_page_once() -> None:
    text = (ROOT / "docs/llms.txt").read_text()
    named = re.findall(r"\]\(([^)]+)\)", text)

    assert [to for to in named if not (ROOT / "docs" / to).exists()] == []
    ours = [str(Path(page).relative_to("docs")) for page in PAGES if page.startswith("docs/")]
    assert sorted(to for to in named if to.endswith(".md") and not to.startswith("..")) == sorted(
        page for page in ours if not page.startswith(("index.md", "decisions/0"))
    )


def test_the_emulators_controls_are_listed_with_all_that_they_take() -> None:
    page = (ROOT / "docs/reference/emulator.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+ [\w/]+)` \| (.*) \|$", page, re.MULTILINE))

    assert "`promotion_code`" in rows["POST /_emulator/pay"]
    assert "`amount` with either" in rows["POST /_emulator/dispute"]


def test_what_the_built_site_says_to_language_models_leads_to_pages_of_it(tmp_path: Path) -> None:
    """The repository's own links lead out of ``docs``, and a site has nothing above its first page."""
    config: Any = runpy.run_path(str(ROOT / "docs/conf.py"))
    config["copy_pages"](SimpleNamespace(srcdir=ROOT / "docs", outdir=tmp_path / "site"), None)

    for text in ("llms.txt", *(f"packages/{name}/README.md" for name in config["PACKAGES"])):
        page = tmp_path / "site" / text
        targets = [to for to in re.findall(r"\]\(([^)#\s]+)", page.read_text()) if "://" not in to]
        assert [to for to in targets if not (page.parent / to).exists()] == [], text
        assert text != "llms.txt" or not [to for to in targets if to.startswith("..")]


def test_the_pictures_are_small() -> None:
    heavy = [path.name for path in (ROOT / "docs/images").iterdir() if path.stat().st_size > 200_000]
    assert heavy == []


@contextmanager
def typed_in(page: str, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names that are there once the page's Python has run, inside its app."""
    code = [block.code for block in running(page) if block.language == "python" and not block.file]
    app = Flask("host")
    app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=databases.fresh("sqlite"))
    module = ModuleType("a_page")
    monkeypatch.setitem(sys.modules, "a_page", module)  # where SQLAlchemy looks up what a model names
    names = vars(module)
    names |= {"app": app, "db": SQLAlchemy(app)}
    if not any("Prepaid(" in block for block in code):
        names["prepaid"] = Prepaid(app, names["db"], owner=lambda: "user:1")
    with app.app_context():
        if "prepaid" in names:
            names["prepaid"].grant("user:1", 100, key="of the test", reason="To spend")
            names["db"].session.commit()
        for block in code:
            exec(compile(block, page, "exec"), names)
        yield names
        assert "prepaid" not in names or names["prepaid"].audit() == []
        names["db"].engine.dispose()


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_pages_python_runs(
    page: str, databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # a page may name a file of its own
    with typed_in(page, databases, monkeypatch):
        pass


def test_hand_written_credits_move_into_the_ledger_once(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with typed_in("docs/how-to/migrate.md", databases, monkeypatch) as page:
        db, user = page["db"], page["User"]
        db.create_all()
        balances = {1: (40, 0), 2: (0, 0), 3: (50, 30), 4: (-25, 10)}
        db.session.add_all(
            user(id=id, credits=all, paid_credits=paid) for id, (all, paid) in balances.items()
        )
        db.session.commit()
        assert page["differences"]() == [1, 3, 4]

        page["move_the_credits"]()
        page["move_the_credits"]()

        prepaid = page["prepaid"]
        assert page["differences"]() == []
        assert [lot.credits for lot in prepaid.lots("user:3") if lot.amount_minor] == [30]
        assert (prepaid.wallet("user:4").balance, prepaid.wallet("user:4").debt) == (0, 25)
        prepaid.purchase("user:4", 100, key="next", amount_minor=500, currency="usd")
        assert prepaid.balance("user:4") == 75
        db.session.commit()


def test_a_copy_of_a_running_database_holds_its_books(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with typed_in("docs/how-to/backup.md", databases, monkeypatch) as page:
        page["back_up"](str(page["db"].engine.url.database), str(tmp_path / "copy"))

    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT balance FROM prepaid_wallet").fetchall() == [(100,)]


#: Spends in a process that is killed: what it has committed is in the -wal, and stays there.
KILLED = """
import os, sqlite3, sys
books = sqlite3.connect(sys.argv[1])
books.execute("PRAGMA journal_mode = WAL")
for n in range(200):
    books.execute("INSERT INTO after_the_backup VALUES (?)", ["x" * 4_000])
    books.commit()
os._exit(9)
"""


def test_a_backup_that_is_put_back_to_the_letter_is_whole_whatever_was_left_beside_it(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with typed_in("docs/how-to/backup.md", databases, monkeypatch) as page:
        app, db, prepaid = page["app"], page["db"], page["prepaid"]
        database, copy = str(db.engine.url.database), str(tmp_path / "copy")
        with db.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE after_the_backup (x)")
        page["back_up"](database, copy)
        prepaid.spend_now("user:1", credits=60, key="after the backup")
        db.session.remove()
        db.engine.dispose()
        killed = subprocess.run([sys.executable, "-c", KILLED, database])
        assert killed.returncode == 9
        assert Path(database + "-wal").stat().st_size > 0

        page["put_back"](copy, database)

        for command in (["prepaid", "upgrade"], ["prepaid", "audit"]):
            done = app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: app), command)
            assert done.exit_code == 0, done.output
        assert prepaid.balance("user:1") == 100
        with closing(sqlite3.connect(database)) as books:
            assert books.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert books.execute("SELECT count(*) FROM after_the_backup").fetchone() == (0,)


def test_the_readmes_view_costs_three_credits(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    with typed_in("README.md", databases, monkeypatch) as page:
        prepaid, customer = page["prepaid"], page["app"].test_client()
        monkeypatch.setattr(prepaid, "_owner", lambda: "user:1")  # where the reader has Flask-Login
        poor = customer.post("/report").status_code
        prepaid.grant("user:1", 5, key="gift", reason="To spend")
        page["db"].session.commit()

        bought = customer.post("/report")

        assert (poor, bought.status_code, prepaid.balance("user:1")) == (402, 200, 2)
        assert bought.text == "A report for 3 credits.\n"


@pytest.mark.parametrize(
    ("page", "file", "most"),
    [("docs/how-to/keys.md", "app.py", 15), ("docs/how-to/streams.md", "api.py", 28)],
)
def test_a_first_program_is_short(page: str, file: str, most: int) -> None:
    (program,) = (block.code for block in running(page) if block.file == file)
    assert sum(bool(line.strip()) for line in program.splitlines()) <= most


#: Pytest without the plugins of our own tests: they take as long to load as pytest.
BARE_PYTEST = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p stripe_emulator.pytest_plugin"}


@pytest.mark.parametrize("page", WITH_FILES)
def test_the_pages_files_work(page: str, databases: Databases, tmp_path: Path) -> None:
    """Their tests pass, and the page's commands of Flask do what they say."""
    files = {block.file: block.code for block in running(page) if block.file}
    for name, code in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    tests = [name for name in files if name.startswith("test_")]
    lines = [shlex.split(line) for block in running(page) for line in block.commands]
    typed = [words for words in lines if words[0] == "flask"]
    commands = [["pytest", "-W", "error", *tests]] if tests else typed

    database = databases.empty("postgresql")
    environment = {**os.environ, **BARE_PYTEST, "FLASK_SQLALCHEMY_DATABASE_URI": url_of(database)}
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert commands
    assert bool(tables_in(database)) == (not tests), "a test of a page has a database of its own"


def tables_in(database: URL) -> list[str]:
    engine = create_engine(database)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def url_of(database: URL) -> str:
    return database.render_as_string(hide_password=False)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in FOLLOWED])
def test_every_command_of_the_page_is_one_with_such_options(page: str) -> None:
    for block in running(page):
        for line in block.commands:
            understand(line, page)


def understand(line: str, page: str) -> None:
    """Parse a command as the program that it names would.

    :raises click.UsageError: The program would refuse it.
    """
    words = shlex.split(line, comments=True)
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    match words:
        case ["./dev", verb, *rest]:
            understand_dev(verb, rest, page)
        case ["flask", *rest]:
            understand_flask(rest)
        case ["stripe-emulator", *rest]:
            stripe_emulator.__main__.make_parser().parse_args(rest)
        case ["pip", "install", *rest]:
            for name in rest:
                here = name.startswith("./") and (ROOT / name / "pyproject.toml").exists()
                assert here or name.startswith("-") or distribution(name.partition("[")[0]), line
        case ["pytest"]:
            pass
        case _:
            raise AssertionError(f"{page}: nobody can tell whether this works; mark it as shown: {line}")


def understand_flask(words: list[str]) -> None:
    while words[0].startswith("--"):
        words = words[2 if words[0] == "--app" else 1 :]
    command: click.Command | None = FLASK[words[0]]
    words = words[1:]
    while isinstance(command, click.Group):
        assert words, f"{command.name} needs a command"
        command, words = command.get_command(click.Context(command), words[0]), words[1:]
    assert command is not None
    command.make_context(command.name, list(words))


def understand_dev(verb: str, words: list[str], page: str) -> None:
    text = ast.get_docstring(ast.parse((ROOT / "dev").read_text())) or ""
    assert re.search(rf"^\./dev {verb}\b", text, re.MULTILINE), f"{page}: ./dev {verb}"
    if verb == "run":
        run_options(words)
    elif verb == "flask":
        understand_flask(words)
    elif verb == "emulator":
        stripe_emulator.__main__.make_parser().parse_args(words)
    elif verb in ("bench", "campaign"):
        folder = ROOT / {"bench": "benchmarks", "campaign": "campaigns"}[verb]
        assert not words or (folder / f"{words[0]}.py").exists(), f"{page}: ./dev {verb} {words[0]}"


def test_decisions_are_numbered_in_order_with_a_status_and_a_date() -> None:
    files = sorted((ROOT / "docs/decisions").glob("0*.md"))

    for number, file in enumerate(files, 1):
        title, _, status, *_ = file.read_text().splitlines()
        assert file.name.startswith(f"{number:04}-"), file.name
        assert title.startswith(f"# {number}. "), title
        assert re.fullmatch(r"(Accepted|Replaced by \[\d+\]\([\w.-]+\)), \d{4}-\d\d-\d\d\.", status), (
            file.name
        )


def files_called(name: str) -> list[Path]:
    """The files that ARCHITECTURE.md can mean: from the root, or from anywhere in a package."""
    modules = [file for package in CHARTERS for file in package.modules.values()]
    named = [folder / name for folder in (ROOT, *(package.folder for package in CHARTERS))]
    inside = [file for file in modules if f"/{name}" in f"/{file.relative_to(ROOT)}"]
    return [*inside, *(file for file in named if file.exists())]


def test_the_architectures_page_names_every_folder_and_nothing_that_is_gone() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([\w/.-]+/|[\w/.-]+\.py)`", text))
    folders = {
        f"{file.parent.relative_to(package.folder)}/"
        for package in CHARTERS
        for file in package.modules.values()
        if file.name == "__init__.py" and file.parent != package.folder
    }

    assert {name for name in named if not files_called(name)} == set()
    assert {name for name in folders - named if "migrations/" not in name} == set()


def test_what_the_architectures_page_names_in_a_file_stands_there() -> None:
    """As in "`READS` of `test_roles.py`" and "`LotState` (`books/lots/lots.py`)"."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`(\w+)`\s(?:\s*of|\s*in|\s*\()\s*`([\w/.-]+\.py)`", text)

    gone = [
        f"{name} of {file}"
        for name, file in named
        if not any(re.search(rf"\b{name}\b", each.read_text()) for each in files_called(file))
    ]
    assert gone == []
    assert len(named) > 20
