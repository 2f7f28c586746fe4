"""Templates of the host's that take the place of ours. Jinja passes over a block whose name is misspelt."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Flask
from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, nodes

from .. import checks, files
from ..errors import ConfigError

SHIPPED = Path(__file__).parent.parent / "templates"


def check(app: Flask, base: str) -> None:
    """
    :param base: The frame of the pages.
    :raises ConfigError: One of them can't be read, or fills a block that what it extends does not have.
    """
    own, everything = app.jinja_loader, app.jinja_env.loader
    if own is None or everything is None:
        return
    for name in _our_names():
        try:
            misspelt = _misspelt(app.jinja_env, own, everything, name, base)
        except (TemplateNotFound, TemplateSyntaxError):  # it may lean on what the host sets up later
            continue
        if misspelt is not None:
            block, known = misspelt
            raise ConfigError(
                f"templates/{name} fills the block {block!r}, and what it extends has none of that name: "
                f"it would not be shown. {checks.did_you_mean(block, known)}There are: {', '.join(known)}."
            )


@cache
def _our_names() -> tuple[str, ...]:
    return tuple(str(path.relative_to(SHIPPED)) for path in sorted(SHIPPED.rglob("*.html")))


def _misspelt(
    env: Environment, own: BaseLoader, everything: BaseLoader, name: str, base: str
) -> tuple[str, list[str]] | None:
    """The first block of the host's template that nobody shows, and those that there are."""
    try:
        source = files.template_source(env, own, name)
    except TemplateNotFound:
        return None
    page = files.parsed_template(env, source, name)
    parent = _parent(page, base)
    if parent is None:
        return None
    known = _blocks(env, everything, parent, base)
    filled = [node.name for node in page.body if isinstance(node, nodes.Block)]
    unknown = [block for block in filled if block not in known and f"self.{block}" not in source]
    return (unknown[0], sorted(known)) if unknown else None


def _blocks(env: Environment, loader: BaseLoader, name: str | None, base: str) -> set[str]:
    """All blocks of a template and of those that it extends."""
    known: set[str] = set()
    read: set[str] = set()
    while name is not None and name not in read:
        read.add(name)
        page = files.parsed_template(env, files.template_source(env, loader, name), name)
        known |= {node.name for node in page.find_all(nodes.Block)}
        name = _parent(page, base)
    return known


def _parent(page: nodes.Template, base: str) -> str | None:
    """What a template extends.

    :raises TemplateNotFound: That may be another one in each request.
    """
    extends = page.find(nodes.Extends)
    if extends is None:
        return None
    if isinstance(extends.template, nodes.Const):
        return str(extends.template.value)
    if isinstance(extends.template, nodes.Name) and extends.template.name == "prepaid_base":
        return base
    raise TemplateNotFound(None, "what it extends is decided in each request")
