"""The host's app: its secret key, its routes, and the frame that it gives to the pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Flask
from jinja2 import TemplateNotFound, TemplateSyntaxError
from werkzeug.routing import Rule

from .. import files
from ..errors import ConfigError

MOVE = "Give one of them another path; PREPAID_PATHS has those of Prepaid."


def check_app(app: Any) -> None:
    """
    :raises ConfigError: It is no Flask app, or it has a Prepaid or its pages already.
    """
    if not isinstance(app, Flask):
        raise ConfigError(
            f"Prepaid works in a Flask app, not in {type(app).__module__}.{type(app).__name__}. In another "
            "framework, count credits by prepaid_ledger.Ledger, and let a Flask app beside it sell them."
        )
    if "prepaid" in app.extensions:
        raise ConfigError(
            "This app has a Prepaid already. An app has one price list and one set of books: give all packs, "
            "plans and the quantity to one Prepaid, or serve two apps, each with its own."
        )
    if "prepaid" in app.blueprints:
        raise ConfigError(
            "This app has a blueprint named 'prepaid', which is the name of Prepaid's own pages. "
            "Give yours another name."
        )


def check_secret_key(app: Flask) -> None:
    """
    :raises ConfigError: There is none.
    """
    if not app.secret_key:
        raise ConfigError(
            "SECRET_KEY is not set. Without it no form can be told from a forged one. Set it before Prepaid "
            "gets the app, and keep it: python -c 'import secrets; print(secrets.token_hex())' makes one."
        )


def check_routes(app: Flask) -> None:
    """
    :raises ConfigError: A page of ours stands where a route is already.
    """
    for sentence in shadows(app):
        raise ConfigError(sentence)


def shadows(app: Flask) -> Iterator[str]:
    """Each page of ours that stands where another route is, or where the app's files are."""
    rules = list(app.url_map.iter_rules())
    ours = [rule for rule in rules if rule.endpoint.startswith("prepaid.")]
    theirs = [rule for rule in rules if not rule.endpoint.startswith("prepaid.")]
    addresses = Counter(address for rule in ours for address in _addresses(rule))
    taken = {address: rule.endpoint for rule in theirs for address in _addresses(rule)}
    folders = [rule.rule.partition("/<path:")[0] for rule in theirs if rule.endpoint.endswith("static")]
    for rule in ours:
        twice = [address for address in _addresses(rule) if addresses[address] > 1 or address in taken]
        if twice:
            other = f"the route of {taken[twice[0]]!r}" if twice[0] in taken else "another page of Prepaid"
            yield f"{rule.endpoint} would stand at {rule.rule}, as {other} does. {MOVE}"
        elif any(folder and rule.rule.startswith(f"{folder}/") for folder in folders):
            yield f"{rule.endpoint} would stand at {rule.rule}, among the app's static files. {MOVE}"


def _addresses(rule: Rule) -> set[tuple[str, str, str, str]]:
    """A method, host, subdomain and path each. What is variable gives way by itself, so has none."""
    if rule.arguments:
        return set()
    methods = (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}
    return {(method, rule.host or "", rule.subdomain or "", rule.rule) for method in methods}


def check_template(app: Flask, name: str) -> None:
    """
    :raises ConfigError: The app has no such template, or one that can't be shown or has no place for pages.
    """
    loader = app.jinja_env.loader
    assert loader is not None, "Flask always gives one"
    try:
        source = files.template_source(app.jinja_env, loader, name)
        with suppress(TemplateSyntaxError):
            files.parsed_template(app.jinja_env, source, name)
    except TemplateNotFound:
        raise ConfigError(
            f"PREPAID_BASE_TEMPLATE is {name!r}, and this app has no such template. Put it into the app's "
            "templates folder; if a blueprint brings it, register that before Prepaid gets the app."
        ) from None
    if not re.search(r"\{%-?\s*(extends|include|block\s+content\b)", source):
        raise ConfigError(
            f"PREPAID_BASE_TEMPLATE is {name!r}, which has no block named content: the pages would be empty. "
            "Write {% block content %}{% endblock %} where they shall stand."
        )
