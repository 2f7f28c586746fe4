"""One word, one meaning: the words that were replaced are gone, and the glossary has those that stay."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from enum import EnumType
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import flask_prepaid
import prepaid_ledger
import stripe_emulator
from prepaid_ledger import Kind

from .architecture.imports import ROOT

#: What is read: whatever a person reads of ours.
SUFFIXES = {".py", ".md", ".html", ".js", ".css"}
LEFT_OUT = {".venv", ".git", "node_modules", "_build", "instance", "dist", ".hypothesis"}

#: A word that is gone, as it would stand in code or prose, and what to say in its place.
GONE = {
    r"refers_to_names|Entry\.names\b|\bnames IS NOT NULL": "refers_to_seq",
    r"settle_due|settle_wallet": "write_due, bring_up_to_date; settle is to give what was paid for",
    r"class Line\b": "a name that says which: EntryRow, InvoiceLine, SalesRow",
    r"\b(Seat|duty|heir)\b|class Round\b": "Waiter, role, next_leader, LastBatch; a card has a replacement",
    r"\b[Cc]arrying\b|\bCarried\b": "host_insert, BatchInsert",
    r"\b\w*Standing\b|\.standing\(": "summary: WalletSummary, PlanSummary",
    r"\bfollow_(?!up|redirects)\w+|\.follow\(|\bfollowing\.": "sync",
    r"import (at_stripe|facts)\b|\bfacts\.": "values; gateway/subscriptions",
    r"\bmoneyback\b": "refunds",
    r"\bmake_sure\b": "count_attempt, or what it makes",
    r"\blook_(at|up)\b": "check_at, check_with_stripe",
    r"\b[Dd]esk\b": "operator",
    r"\b[Dd]eeds?\b": "action",
    r"\bpokes?\b": "a notification",
    r"\b[Ll]ane\b": "fast path",
    r"\b[Kk]eeper\b": "store",
    r"\.beside\(": "same_wallet_as",
}

#: Modules that were named by a pun, a verb, or a word of another field.
GONE_MODULES = {
    *("line", "carrying", "drawing", "recent", "moneyback", "attempts", "desk", "deed", "lane", "whole"),
    *("ring", "counts", "tally", "who", "leaving", "people", "facts", "at_stripe", "following"),
    *("comparing", "keeper", "failing", "looking", "standing", "crossings", "box"),
    *("billed_to", "billed_charges", "billed_values", "chosen", "earlier", "gone", "later", "sent", "unset"),
}

#: Participles say nothing of what a variable holds. The name of a thing does.
GONE_VARIABLES = {"told", "said", "asked", "found", "of", "one"}

#: Where one of them stays, and why.
STAYS = {
    "journeys/test_words.py": "names them all",
    "CHANGELOG.md": "says what each was named before",
}

GLOSSARY = ROOT / "docs/reference/glossary.md"


@cache
def pages() -> dict[str, str]:
    """Every file of ours by its path below the root, with its text."""
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in sorted(files_of_ours())}
    return {path: text for path, text in texts.items() if path not in STAYS}


def files_of_ours() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = set(folders) - LEFT_OUT  # they hold ten times as many
        yield from (Path(folder, name) for name in names if Path(name).suffix in SUFFIXES)


@pytest.mark.parametrize("word", GONE)
def test_a_word_that_was_replaced_is_gone(word: str) -> None:
    places = [
        f"{path}:{number}: {line.strip()[:90]}"
        for path, text in pages().items()
        if re.search(word, text)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(word, line)
    ]
    assert not places, f"say {GONE[word]}\n" + "\n".join(places)


def test_no_module_is_named_by_a_word_that_was_replaced() -> None:
    assert [path for path in pages() if path.endswith(".py") and Path(path).stem in GONE_MODULES] == []


def test_a_variable_names_what_it_holds() -> None:
    places = [
        f"{path}:{line}: {name}"
        for path, text in pages().items()
        if path.endswith(".py")
        for name, line in variables(ast.parse(text))
        if name in GONE_VARIABLES
    ]
    assert not places, "\n".join(places)


def variables(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def glossary() -> list[str]:
    return re.findall(r"^\| ([\w -]+?) \|", GLOSSARY.read_text(), re.MULTILINE)[1:]


def test_the_glossary_has_each_word_once_in_order() -> None:
    words = glossary()

    assert words == sorted(set(words))


def test_every_kind_of_entry_stands_in_the_glossary() -> None:
    assert {kind.value for kind in Kind} <= set(glossary())


@pytest.mark.parametrize(
    "package", [prepaid_ledger, flask_prepaid, stripe_emulator], ids=lambda p: p.__name__
)
def test_every_public_noun_stands_in_the_glossary(package: ModuleType) -> None:
    public = {name: getattr(package, name) for name in package.__all__}
    nouns = {
        spoken(thing.__name__)
        for thing in public.values()
        if isinstance(thing, type | EnumType) and not issubclass(thing, Exception)
    }
    assert nouns - set(glossary()) == set()


def spoken(name: str) -> str:
    """``PriceTier`` is said "price tier"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
