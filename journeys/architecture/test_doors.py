"""The architecture is a test: what has one door, and which door that is."""

from __future__ import annotations

import ast
import re

import pytest

from .charters import CHARTERS
from .imports import ROOT, Package
from .sentences import cure

LEDGER, EXTENSION, EMULATOR, SHOP = CHARTERS

#: Whom each project may import of ours.
BELOW = {SHOP: EXTENSION, EXTENSION: LEDGER}

#: Where the emulator reads the SDK beside its contract: a version, a signature, a test's HTTP client.
SDK_IN_THE_EMULATOR = {"stripe_emulator.server.client"}

#: The ledger's rules that are functions of values alone.
PURE = (
    "prepaid_ledger.books.lots.lots",
    "prepaid_ledger.books.reversals.shares",
    "prepaid_ledger.books.budgets.windows",
)

#: What commits for all others: a transaction, a read that gives its connection back, and how both begin.
COMMITS = {
    f"flask_prepaid.context.{name}" for name in ("transaction", "reading", "apart", "_commit_what_is_open")
}

#: ``costs`` is a view's own decorator: it looks at the request that it charges for.
READS_THE_REQUEST = ("flask_prepaid.web.", "flask_prepaid.cli.", "flask_prepaid.costs")


def test_the_projects_import_each_other_in_one_direction_only() -> None:
    names = {package.name for package in CHARTERS}
    wrong = [
        str(imported)
        for package in CHARTERS
        for imported in package.foreign_imports
        if imported.library in names - ({BELOW[package].name} if package in BELOW else set())
    ]
    assert not wrong, cure("The shop imports flask_prepaid, that imports prepaid_ledger, and no other", wrong)


def test_a_databases_url_is_shown_by_the_function_that_leaves_passwords_out() -> None:
    wrong = [
        path.relative_to(ROOT).as_posix()
        for package in CHARTERS
        for path in sorted((ROOT / package.project / "src").rglob("*.py"))
        if "render_as_string" in path.read_text()
    ]
    assert not wrong, cure("Write prepaid_ledger.database.address_of(url): a query has passwords, too", wrong)


@pytest.mark.parametrize("package", BELOW, ids=lambda package: package.name)
def test_a_project_comes_in_by_the_public_doors_of_the_one_below(package: Package) -> None:
    below = BELOW[package]
    wrong = [
        str(imported)
        for imported in package.foreign_imports
        if imported.library == below.name
        and (below.module_behind(imported.name) not in public_doors(below) or "._" in imported.name)
    ]
    assert not wrong, cure(
        f"Import it from {below.name} itself, or name its module, as `{below.name}.module`, in "
        f"{below.project}/README.md or docs/reference/: then it is public, and stays",
        wrong,
    )


def test_the_ledger_knows_neither_flask_nor_stripe() -> None:
    strangers = {"flask", "werkzeug", "stripe"}
    wrong = [str(imported) for imported in LEDGER.foreign_imports if imported.library in strangers]
    assert not wrong, cure("The ledger works without it: what needs it goes into flask_prepaid", wrong)


def test_only_one_file_of_the_ledger_knows_fastapi() -> None:
    strangers = {"fastapi", "starlette"}
    users = {imported.module for imported in LEDGER.foreign_imports if imported.library in strangers}
    assert users == {"prepaid_ledger.fastapi"}, "Who has no FastAPI imports the rest: write it in fastapi.py."


@pytest.mark.parametrize("module", PURE)
def test_a_pure_rule_of_the_books_asks_no_database(module: str) -> None:
    assert module in LEDGER.modules, "It has moved: name its place."
    wrong = [
        imported
        for imported in LEDGER.foreign_imports
        if imported.module == module and imported.library == "sqlalchemy"
    ]
    assert not wrong, cure("The audit proves the rows by this rule: read them in another file", wrong)


def test_only_the_gateway_imports_stripes_sdk() -> None:
    wrong = [
        str(imported)
        for package in (EXTENSION, SHOP)
        for imported in package.foreign_imports
        if imported.library == "stripe" and not imported.module.startswith("flask_prepaid.gateway.")
    ]
    assert not wrong, cure("Make it a function of flask_prepaid/gateway/", wrong)


def test_only_the_gateway_holds_stripes_client() -> None:
    wrong = [
        place
        for package in (EXTENSION, SHOP)
        for place, within, node in package.nodes()
        if isinstance(node, ast.Attribute)
        and node.attr in ("client", "_client")
        and ast.unparse(node.value).endswith("gateway")
        and not within.startswith("flask_prepaid.gateway.")
    ]
    assert not wrong, cure("Make it a function of flask_prepaid/gateway/", wrong)


def test_the_emulator_reads_the_sdk_in_few_places() -> None:
    users = {imported.module for imported in EMULATOR.foreign_imports if imported.library == "stripe"}
    outside = {module for module in users if not module.startswith("stripe_emulator.contract.")}
    assert outside == SDK_IN_THE_EMULATOR, "The SDK is read in contract/."


def test_nothing_below_the_web_and_the_commands_reads_the_request() -> None:
    wrong = [
        str(imported)
        for imported in EXTENSION.foreign_imports
        if imported.name == "flask.request" and not imported.module.startswith(READS_THE_REQUEST)
    ]
    assert not wrong, cure("Read the request in web/, and hand on what it says", wrong)


def test_only_the_context_commits() -> None:
    wrong = [
        f"{place}: {within}"
        for place, within, node in EXTENSION.nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        and within not in COMMITS
    ]
    assert not wrong, cure("Write inside of `with transaction(context):`", wrong)


def public_doors(package: Package) -> set[str]:
    """The package itself, and each module that its README or the reference names: `` `package.module` ``."""
    pages = [ROOT / package.project / "README.md", *(ROOT / "docs/reference").glob("*.md")]
    text = "\n".join(page.read_text() for page in pages)
    named = set(re.findall(rf"`({package.name}(?:\.[a-z_]+)+)`", text))
    return {package.name, *(named & set(package.modules))}
