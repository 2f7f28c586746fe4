"""The extension is what pages and commands ask for. Its types are compared by the type checker."""

from __future__ import annotations

from flask_prepaid.cli.app import CommandContext
from flask_prepaid.web.operator.page import OperatorContext

from ..shop import Shop


def test_the_extension_has_what_operators_pages_and_commands_know_of_it(shop: Shop) -> None:
    pages: OperatorContext = shop.prepaid
    commands: CommandContext = shop.prepaid

    assert pages.operators.current() is None
    assert shop.read(commands.audit) == []
