"""Files of a host: where one may be kept, and those that can't be read end in a sentence."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateSyntaxError, nodes
from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from prepaid_ledger.database import url_of

from .errors import ConfigError


def place(where: str, value: str) -> URL:
    """Where something is kept outside of the books: a file, or the URL of a database, as SQLAlchemy has it.

    A refusal shows no URL: a password may stand in it. Whether a server answers is not looked at.

    :param where: What is kept there, as a sentence begins with it.
    :raises ConfigError: Nothing can be kept there: the folder is not there, say.
    """
    cure = "Name a file in a folder that is there, or write postgresql+psycopg://user@host/database."
    try:
        url = url_of(value if "://" in value else f"sqlite:///{value}")
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as wrong:
        raise ConfigError(f"{where} cannot be kept there ({wrong}). {cure}") from wrong
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise ConfigError(f"{where} are kept in a file, or on PostgreSQL, not on {kind}. {cure}")
    if kind == "sqlite":
        _file(where, url.database or ":memory:")
    return url


def _file(where: str, path: str) -> None:
    """
    :raises ConfigError: No file can be there.
    """
    if path.startswith(":memory:"):
        raise ConfigError(f"{where} that are kept in memory are gone at once. Name a file.")
    file = Path(path)
    try:
        if file.is_dir():
            raise ConfigError(f"{where} cannot be kept in the folder {path}. Name a file in it.")
        if not file.parent.is_dir():
            raise ConfigError(f"{where} cannot be kept there: there is no folder {file.parent}. Make it.")
    except OSError as wrong:  # the name is too long for one
        raise ConfigError(f"{where} cannot be kept there: {wrong.strerror}. Name another file.") from wrong


@contextmanager
def reading_file(what: str, cure: str) -> Iterator[None]:
    """Have a file of the host's that can't be read end in a sentence.

    :param what: Names the file, as a sentence begins with it.
    :param cure: For one that has been read, and is not what it should be.
    :raises ConfigError: It can't be read, is no UTF-8, or is not what it should be.
    """
    try:
        yield
    except UnicodeDecodeError as wrong:
        written = f"byte {wrong.object[wrong.start]:#04x} at {wrong.start:,}"
        raise ConfigError(f"{what} is not UTF-8: {written}. Save it as UTF-8.") from wrong
    except OSError as wrong:
        if wrong.errno is None:
            raise  # the file is not there, as Jinja says it
        why = f"cannot be read: {wrong.strerror}. May this process read it?" if wrong.errno else cure
        raise ConfigError(f"{what} {why}") from wrong
    except (ValueError, LookupError, struct.error) as wrong:
        raise ConfigError(f"{what} {cure}") from wrong


def template_source(env: Environment, loader: BaseLoader, name: str) -> str:
    """
    :raises ConfigError: It can't be read.
    :raises TemplateNotFound: It is not there.
    """
    with reading_file(f"The template {name}", "is none."):
        source: str = loader.get_source(env, name)[0]
    return source


def parsed_template(env: Environment, source: str, name: str) -> nodes.Template:
    """
    :raises ConfigError: It is no template of Jinja's.
    :raises TemplateSyntaxError: It has a tag that nobody knows yet: the host may set it up later.
    """
    try:
        return env.parse(source, name)
    except TemplateSyntaxError as wrong:
        if "unknown tag" in str(wrong.message):
            raise
        why = str(wrong.message).rstrip(".")
        raise ConfigError(f"The template {name} can't be shown: line {wrong.lineno}: {why}.") from wrong
