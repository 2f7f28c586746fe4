"""The reference's tables are what the code says, name by name."""

from __future__ import annotations

import re
from collections import UserDict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from tools import (
    api_table,
    emulator_tables,
    names_tables,
    personal_data_table,
    rows_table,
    settings_table,
    tables,
    webhooks_table,
)

import flask_prepaid
import prepaid_ledger
import stripe_emulator
from flask_prepaid import config
from rando_number.config.mistakes import CALLED_HERE
from rando_number.config.reading import configuration
from rando_number.config.values import ConfigError

from .pages import PAGES, ROOT

SETTINGS = (ROOT / "docs/reference/settings.md").read_text()
EMULATOR = (ROOT / "docs/reference/emulator.md").read_text()
HTTP = (ROOT / "docs/reference/http.md").read_text()


class Listening(UserDict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.names_read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names_read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names_read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        self.names_read.add(name)
        return super().get(name, default)


def table(text: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The first two cells of each row whose first is a name in code."""
    for name, second in re.findall(rf"^\| `({prefix}[\w/]+)` \|([^|]*)\|", text, re.MULTILINE):
        yield name, second.strip().strip("`")


#: What a setting was named before, which the changelog says.
RENAMED = {"PREPAID_LOOK_AFTER"}


def names_in_the_code() -> set[str]:
    """Every setting of the extension."""
    return {f"PREPAID_{name}" for name in config.names()}


def test_the_table_of_the_extensions_settings_is_written_from_the_code() -> None:
    between = SETTINGS.partition(settings_table.BEGIN)[2].partition(settings_table.END)[0]

    assert between.strip() == settings_table.table(), "run: python -m tools.tables"


def test_a_default_in_the_table_is_what_an_app_gets() -> None:
    app = Flask("host")
    app.config.update(TESTING=True)
    read = config.read(app)
    written = {
        name: default
        for name, default in table(SETTINGS, "PREPAID_")
        if not settings_table.row(name.removeprefix("PREPAID_")).metadata["shown"]
    }

    wrong = {
        name: default
        for name, default in written.items()
        if value_of(default) != getattr(read, config.names()[name.removeprefix("PREPAID_")])
    }

    assert wrong == {}
    assert len(written) > 10


def value_of(default: str) -> object:
    return eval(default, {"timedelta": timedelta})


def test_every_setting_of_the_shop_is_in_the_table_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = Listening()
    configuration(environ)
    environ["RANDO_ENV"] = "production"
    with pytest.raises(ConfigError):
        configuration(environ)

    shops = SETTINGS.partition("## Rando Number")[2]
    assert {name for name, _ in table(shops)} == environ.names_read - {
        *CALLED_HERE,
        "FLASK_DEBUG",
    }


def test_the_json_api_is_written_from_the_code() -> None:
    between = HTTP.partition(api_table.BEGIN)[2].partition(api_table.END)[0]

    assert between.strip() == api_table.table(), "run: python -m tools.tables"
    assert api_table.DOCUMENT.read_text() == api_table.openapi(), "run: python -m tools.tables"


def test_a_field_that_has_to_be_there_stands_with_each_type_that_it_takes() -> None:
    """Null takes a limit away, and a text has the decimals of an app's unit."""
    (fields,) = re.findall(r"`PUT /budgets` \|[^|]*\| ([^|]*) \|", api_table.table())

    assert fields.startswith("`limit` (number or text or null); optional: `key` (number), `every`")


def test_what_webhooks_are_sent_is_written_from_the_code() -> None:
    between = HTTP.partition(webhooks_table.BEGIN)[2].partition(webhooks_table.END)[0]

    assert between.strip() == webhooks_table.table(), "run: python -m tools.tables"


@pytest.mark.parametrize("name", emulator_tables.TABLES)
def test_what_the_emulator_takes_is_written_from_the_code(name: str) -> None:
    begin, end = emulator_tables.BEGIN.format(name), emulator_tables.END.format(name)
    between = EMULATOR.partition(begin)[2].partition(end)[0]

    assert between.strip() == emulator_tables.written(name), "run: python -m tools.tables"


@pytest.mark.parametrize("page", names_tables.TABLES)
def test_the_names_of_a_page_are_written_from_the_code(page: str) -> None:
    text = (ROOT / "docs/reference" / page).read_text()
    between = text.partition(names_tables.BEGIN)[2].partition(names_tables.END)[0]

    assert between.strip() == names_tables.written(page), "run: python -m tools.tables"


def test_every_argument_says_what_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|(.*)\|$", names_tables.written("arguments.md"), re.MULTILINE)

    assert [name for name, means in rows if not means.strip()] == []
    assert len(rows) > 50


@pytest.mark.parametrize(
    "package", [prepaid_ledger, flask_prepaid, stripe_emulator], ids=lambda p: p.__name__
)
def test_every_public_name_stands_in_the_reference(package: ModuleType) -> None:
    text = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))

    assert [name for name in package.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_every_page_of_the_extension_is_in_the_table_at_its_path() -> None:
    pages = HTTP.partition("## Errors")[0]
    assert dict(table(pages)) == config.DEFAULT_PATHS


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_a_page_names_exists(page: str) -> None:
    known = names_in_the_code() | {name for name, _ in table(SETTINGS)} | {"PREPAID_", "RANDO_"}
    if page == "CHANGELOG.md":
        known |= RENAMED
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)

    named = set(re.findall(r"`((?:PREPAID|RANDO)_\w*)", text))

    assert named <= known


def test_the_example_of_the_environment_names_settings_that_exist() -> None:
    text = (ROOT / ".env.example").read_text()
    known: Mapping[str, str] = dict(table(SETTINGS))

    assert set(re.findall(r"^#(\w+)=", text, re.MULTILINE)) <= set(known)


def test_the_reference_of_a_customers_data_is_written_from_what_is_read() -> None:
    written = personal_data_table.PAGE.read_text()

    assert written.strip() == personal_data_table.page().strip(), "run: python -m tools.tables"


def test_the_reference_of_rows_is_written_from_the_models() -> None:
    written = rows_table.PAGE.read_text()

    assert written.strip() == rows_table.page().strip(), "run: python -m tools.tables"


def test_one_command_writes_the_tables_of_all_tools() -> None:
    files = {file.stem for file in (ROOT / "tools").glob("*_table*.py")}

    assert {table.__name__.removeprefix("tools.") for table in tables.TABLES} == files
