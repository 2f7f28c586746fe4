"""Writes the emulator's options and controls into its page of the reference, from its parser and its routes.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from flask import Flask

from stripe_emulator import Emulator
from stripe_emulator.__main__ import make_parser

from .marked import write_between

PAGE = Path(__file__).parent.parent / "docs/reference/emulator.md"
BEGIN = "<!-- written by tools/emulator_tables.py: {} -->"
END = "<!-- end of the {} -->"


def options() -> Iterator[str]:
    yield "| option | is |"
    yield "|---|---|"
    parser = make_parser()
    for option in parser._actions:
        if option.option_strings and option.dest != "help":
            shown = " ".join((option.option_strings[0], _takes(option)))
            means = (option.help or "") % {"default": f"`{option.default}`"}
            yield f"| `{shown}` | {means} |"
        for command in getattr(option, "_choices_actions", []):
            yield f"| `{command.dest}` | {command.help} |"


def _takes(option: argparse.Action) -> str:
    """What is written behind an option."""
    return option.metavar or ", ".join(option.choices or ()) or option.dest.upper()  # type: ignore[return-value]


def controls() -> Iterator[str]:
    """Each control with its view's docstring, which says what it takes."""
    yield "| call | takes |"
    yield "|---|---|"
    app = Emulator().app
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/_emulator/") and "static" not in rule.endpoint:
            for verb in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield f"| `{verb} {rule.rule}` | {_means(app, rule.endpoint)} |"


def _means(app: Flask, endpoint: str) -> str:
    text = " ".join((app.view_functions[endpoint].__doc__ or "").split())
    return text.replace("``", "`").replace("|", "or")


#: What stands on the page, each between two comments.
TABLES: dict[str, Callable[[], Iterator[str]]] = {"options": options, "controls": controls}


def written(name: str) -> str:
    return "\n".join(TABLES[name]())


def write() -> None:
    for name in TABLES:
        write_between(PAGE, BEGIN.format(name), END.format(name), written(name))
