"""Writes the reference's lists of names, so that a reader of the repository has them, too: verbs, arguments,
commands, errors and signals, each with what its own text says of it.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click

import flask_prepaid.errors
import prepaid_ledger.errors
from flask_prepaid import (
    FastPath,
    Keys,
    Operator,
    Operators,
    Pack,
    Plan,
    Prepaid,
    PriceTier,
    Quantity,
    Sale,
    Team,
    signals,
)
from flask_prepaid.catalog import BY_PRICES
from flask_prepaid.cli.commands import commands
from prepaid_ledger import Ledger, LedgerVerbs, PrepaidError, Rates, Unit

from .marked import paragraph, write_between

FOLDER = Path(__file__).parent.parent / "docs/reference"
BEGIN = "<!-- written by tools/names_tables.py -->"
END = "<!-- end of the names -->"

#: What ``Prepaid`` has for its own parts and not for a host.
NOT_FOR_HOSTS = {"init_app", "apps", "require_keys"}

#: What a host makes, in the order in which it meets them.
MADE = (
    *(Prepaid, Pack, Quantity, PriceTier, Plan, Team, Operators, Operator, Keys, Sale, FastPath),
    *(Ledger, Rates, Unit),
)

#: What nobody raises: errors are of these kinds.
BASES = (PrepaidError, flask_prepaid.errors.TooMany)

#: What of an error stands in its JSON beside ``code`` and ``message``.
CARRIES = {
    "InsufficientCredits": "`balance`, `needed`, `buy_url`",
    "BudgetExceeded": "`spender`, `every`, `budget`, `left`, `needed`, `resets_at`",
    "UnknownItem": "`param`",
    "TooManyAttempts": "`retry_after`",
    "TooManyGuesses": "`retry_after`",
    "TooManyCalls": "`retry_after`",
    "GatewayRefused": "`request_id`",
}


def errors() -> Iterator[str]:
    yield "| error | code | status | says | carries |"
    yield "|---|---|---|---|---|"
    for module in (prepaid_ledger.errors, flask_prepaid.errors):
        for error in _errors_of(module):
            says = _in_a_row(inspect.getdoc(error) or "")
            names = f"`{error.__name__}` | `{error.code}` | {error.http_status}"
            yield f"| {names} | {says} | {CARRIES.get(error.__name__, '')} |"


def _errors_of(module: ModuleType) -> Iterator[type[PrepaidError]]:
    for thing in vars(module).values():
        is_error = isinstance(thing, type) and issubclass(thing, PrepaidError) and thing not in BASES
        if is_error and thing.__module__ == module.__name__:
            yield thing


def heard() -> Iterator[str]:
    yield "| signal | says, and with what it is sent |"
    yield "|---|---|"
    source = inspect.getsource(signals)
    for comment, name in re.findall(r"((?:^#: .*\n)+)(\w+) = _signals\.signal\(", source, re.MULTILINE):
        yield f"| `{name}` | {_in_a_row(comment.replace('#: ', ''))} |"


def typed() -> Iterator[str]:
    yield "| command | does |"
    yield "|---|---|"
    for words, command in _commands(("flask", "prepaid"), commands):
        text = inspect.cleandoc(command.help or "").partition("\n\n")[0]
        yield f"| `{' '.join([*words, *_needed(command)])}` | {_in_a_row(text)} |"


def _needed(command: click.Command) -> Iterator[str]:
    """What has to be typed behind a command; in brackets what may stay away."""
    for each in command.params:
        name = each.make_metavar(click.Context(command)).replace("|", ", ").replace("INTEGER RANGE", "N")
        if isinstance(each, click.Argument):
            yield name
        elif each.required:
            yield f"{each.opts[0]} {name}"


def _commands(words: tuple[str, ...], group: click.Group) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands((*words, name), command)
        else:
            yield (*words, name), command


def verbs() -> Iterator[str]:
    yield "| verb | does |"
    yield "|---|---|"
    of_ledgers = {*_verbs_of(LedgerVerbs)}
    for name in sorted(_verbs_of(Prepaid)):
        verb = getattr(Prepaid, name)
        does = _in_a_row((inspect.getdoc(verb) or "").partition("\n\n")[0])
        yield f"| `{name}({_parameters(verb)})`{'' if name in of_ledgers else ' +'} | {does} |"


def _verbs_of(kind: type) -> Iterator[str]:
    """The public functions that have a docstring, which says what a host may do with them."""
    for name, thing in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_") and name not in NOT_FOR_HOSTS and inspect.getdoc(thing):
            yield name


def arguments() -> Iterator[str]:
    for kind in MADE:
        text = inspect.getdoc(kind) or ""
        about = paragraph(_in_a_row(re.split(r"^:", text, flags=re.MULTILINE)[0]))
        yield from (f"## {kind.__name__}", "", about, "")
        yield from ("| argument | default | is |", "|---|---|---|")
        means = {name: _in_a_row(words) for name, words in _meanings(text)}
        for name, parameter in inspect.signature(kind).parameters.items():
            yield f"| `{name}` | {_default(parameter)} | {means.get(name, '')} |"
        yield ""


def _meanings(text: str) -> list[tuple[str, str]]:
    """The arguments that a docstring speaks of, and what it says."""
    pairs: list[tuple[str, str]] = re.findall(
        r"^:param (\w+): (.*?)(?=^:|\Z)", text, re.MULTILINE | re.DOTALL
    )
    return pairs


def _default(parameter: inspect.Parameter) -> str:
    """As it is written; nothing where the argument is needed, or its default is no plain value."""
    is_plain = isinstance(parameter.default, int | str | tuple) and parameter.default != BY_PRICES
    return f"`{parameter.default!r}`" if is_plain or parameter.default is None else ""


def _parameters(verb: Callable[..., object]) -> str:
    """Names, and a ``=`` where there is a default, as a reader types them."""
    words, named = [], False
    for parameter in list(inspect.signature(verb).parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and not named:
            words.append("*")
            named = True
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        named = named or bool(star)
        words.append(f"{star}{parameter.name}{'' if parameter.default is parameter.empty else '='}")
    return ", ".join(words)


def _in_a_row(text: str) -> str:
    """A text as a cell of a table."""
    return " ".join(text.replace("``", "`").replace("|", "or").split())


#: Each page, and what stands on it between the two comments.
TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "python.md": verbs,
    "arguments.md": arguments,
    "commands.md": typed,
    "errors.md": errors,
    "signals.md": heard,
}


def written(page: str) -> str:
    return "\n".join(TABLES[page]()).strip()


def write() -> None:
    for name in TABLES:
        write_between(FOLDER / name, BEGIN, END, written(name))
