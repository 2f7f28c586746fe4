"""How one setting is read, and what is raised where it can't be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import click

#: A host as browsers send it: small letters of ASCII, or an address.
HOST = re.compile(r"[a-z0-9:]([a-z0-9_.:-]*[a-z0-9])?")


class ConfigError(click.ClickException, RuntimeError):
    """A setting is missing or wrong. The message names it and says what to do; ``flask`` prints only that."""


def flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """Read a setting that switches something on or off.

    :raises ConfigError: The setting is neither 1 nor 0.
    """
    value = environ.get(name) or str(int(default))
    if value not in ("0", "1"):
        raise ConfigError(f"{name} must be 1 or 0, not {value!r}.")
    return value == "1"


def number(environ: Mapping[str, str], name: str, default: int, *, min: int = 0, max: int) -> int:
    """Read a setting that is a whole number, from ``min`` to ``max``.

    :raises ConfigError: The setting is no such number.
    """
    value = environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 19 and min <= int(value) <= max):
        raise ConfigError(f"{name} must be a whole number from {min} to {max}, not {value!r}.")
    return int(value)


def is_address(url: str, schemes: set[str]) -> bool:
    """Whether ``url`` is a scheme and a host that a browser can ask for, with a port at most."""
    try:
        parts = urlsplit(url.rstrip("/"))
        port = parts.port
    except ValueError:
        return False
    rest = parts.path or parts.query or parts.fragment or parts.username or parts.password
    host = HOST.fullmatch(parts.hostname or "")
    return parts.scheme in schemes and host is not None and not rest and port != 0
