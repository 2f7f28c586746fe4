"""Of what kind a setting is: each kind reads what stands in ``app.config``, as Python or as text.

``app.config.from_prefixed_env()`` reads the environment as JSON where it is some, and leaves the rest:
``False`` comes as a text, ``false`` as a boolean, ``60`` as a number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError

from . import checks, files
from .checks import MAX_PERIOD, refuse
from .errors import ConfigError

ON = {"true", "1", "yes", "on"}
OFF = {"false", "0", "no", "off"}

#: What each key or secret of Stripe's is, by how it begins.
HEADS = {
    "sk_": "a secret key",
    "rk_": "a restricted key",
    "pk_": "a publishable key",
    "whsec_": "the secret of a webhook",
    "we_": "the id of a webhook",
    "acct_": "the id of an account",
}

_HEAD = re.compile(r"[a-z]+_(test_|live_)?")


class Kind(Protocol):
    """Reads a setting."""

    @property
    def takes(self) -> str:
        """What may be written, in a few words."""

    def read(self, name: str, value: Any) -> Any:
        """The setting's value.

        :raises ConfigError: It is none of this kind.
        """


@dataclass(frozen=True)
class Switch:
    takes: str = "`True` or `False`"

    def read(self, name: str, value: Any) -> bool:
        word = str(value).lower() if isinstance(value, str | int) else ""
        if word not in ON | OFF:
            refuse(
                name,
                value,
                "Write True or False; in the environment yes, no, on, off, 1 and 0 are read, too.",
            )
        return word in ON


@dataclass(frozen=True)
class Whole:
    max: int = checks.MAX_CREDITS

    @property
    def takes(self) -> str:
        return "a whole number" if self.max == checks.MAX_CREDITS else f"a whole number up to {self.max:,}"

    def read(self, name: str, value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        return checks.whole(name, value, min=0, max=self.max)


@dataclass(frozen=True)
class Period:
    min: timedelta
    max: timedelta = MAX_PERIOD

    @property
    def takes(self) -> str:
        return f"a `timedelta`, or seconds; {checks.spoken(self.min)} to {checks.spoken(self.max)}"

    def read(self, name: str, value: Any) -> timedelta:
        try:
            seconds = None if isinstance(value, bool | timedelta) else float(value)
            read = timedelta(seconds=seconds) if seconds is not None else value
        except (TypeError, ValueError, OverflowError):
            read = None
        if not isinstance(read, timedelta) or not self.min <= read <= self.max:
            bounds = f"from {checks.spoken(self.min)} to {checks.spoken(self.max)}"
            refuse(name, value, f"Write a timedelta {bounds}; in the environment, a number of seconds.")
        return read


@dataclass(frozen=True)
class Text:
    takes: str = "a text"

    def read(self, name: str, value: Any) -> str:
        return checks.text(name, value, max_length=255)


@dataclass(frozen=True)
class Place:
    """Where something is kept outside of the books. ``what`` it is begins a sentence."""

    what: str
    takes: str = "a file, or a database's URL"

    def read(self, name: str, value: Any) -> str:
        text = checks.text(name, value, max_length=255)
        file = Path(files.place(f"{name}: {self.what}", text).database or "")
        nearest = file if file.exists() else file.parent
        if "://" not in text and not os.access(nearest, os.W_OK):
            raise ConfigError(f"{name} is {text!r}, and this process may not write in {nearest}. Let it.")
        return text


@dataclass(frozen=True)
class MailAddress:
    takes: str = "a mail address"

    def read(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+", value):
            refuse(name, value, "Write a mail address such as help@shop.example.")
        return value


@dataclass(frozen=True)
class Url:
    """An address; without a path where ``bare``."""

    bare: bool = False
    takes: str = "a URL"

    def read(self, name: str, value: Any) -> str:
        try:
            parts = urlsplit(value if isinstance(value, str) else "")
            _ = parts.port  # raises where it is no number
        except ValueError:
            parts = urlsplit("")
        host = re.sub(r"^\w+:/*", "", str(value)).partition("/")[0]  # also where the scheme is mistyped
        if "@" in host:  # what is in front of it may be a password: it is not shown
            raise ConfigError(f"{name} names a user, or a password. Leave them out: all can read it.")
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment
        if wrong or re.search(r"\s", value) or (self.bare and parts.path.strip("/")):
            end = ", with nothing after the host" if self.bare else ""
            refuse(name, value, f"Write an address such as https://shop.example{end}.")
        return str(value).rstrip("/")


@dataclass(frozen=True)
class StripeKey:
    """One of Stripe's keys. A refusal shows no more of it than how it begins."""

    heads: tuple[str, ...]

    @property
    def takes(self) -> str:
        return " or ".join(f"`{head}...`" for head in self.heads)

    def read(self, name: str, value: Any) -> str:
        key = value.strip() if isinstance(value, str) else ""
        if any(re.fullmatch(rf"{head}(test|live)_\w+", key, re.ASCII) for head in self.heads):
            return key
        begins = " or ".join(self.heads)
        raise ConfigError(
            f"{name} does not begin with {begins}{_instead(key)}, or was copied in part. "
            "Copy it anew from Stripe's dashboard."
        )


@dataclass(frozen=True)
class Secrets:
    """The secrets of a webhook. One that ``connect`` has not made yet may be any ``whsec_`` text."""

    takes: str = "`whsec_...`; two with a comma between"

    def read(self, name: str, value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not all(isinstance(part, str) for part in given):
            raise ConfigError(f"{name} is no text. Copy it from Stripe's dashboard.")
        all_of_them = tuple(part.strip() for part in given if part.strip())
        for secret in all_of_them:
            if not secret.startswith("whsec_"):
                raise ConfigError(
                    f"{name} does not begin with whsec_{_instead(secret)}. `flask prepaid connect --url ...` "
                    "prints it; Stripe's dashboard shows it, too."
                )
            if not re.fullmatch(r"[!-~]+", secret):
                raise ConfigError(f"{name} has a blank or a strange letter in it. Copy it anew from Stripe.")
        if not all_of_them:
            raise ConfigError(f"{name} holds only commas. Copy it anew from Stripe's dashboard.")
        if len(all_of_them) > 2:
            raise ConfigError(
                f"{name} holds {len(all_of_them)} secrets. Write the one that counts and, while you change "
                "it, the one before: an old one still opens the door to whoever has it."
            )
        return all_of_them


@dataclass(frozen=True)
class Paths:
    """Paths of pages by name; those that are not named stay where they are."""

    names: Mapping[str, str]
    takes: str = "a dict of paths by page"

    def read(self, name: str, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            refuse(name, value, 'Write a dict of paths by page, such as {"buy": "/credits"}.')
        for page, path in value.items():
            if page not in self.names:
                pages = checks.did_you_mean(page, self.names)
                raise ConfigError(f"{name} has no page {page!r}. {pages}There are: {', '.join(self.names)}.")
            is_path = isinstance(path, str) and re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII)
            if not is_path and (page, path) != ("buy", "/"):
                refuse(f"{name}[{page!r}]", path, "Write a path such as /credits, with no / at its end.")
        paths = {**self.names, **value}
        for page, path in paths.items():
            if others := [other for other in paths if other != page and paths[other] == path]:
                raise ConfigError(
                    f"{name} puts {page!r} and {others[0]!r} at {path}. Give each a path of its own."
                )
        return paths


@dataclass(frozen=True)
class Zone:
    takes: str = "a name such as `Europe/Berlin`"

    def read(self, name: str, value: Any) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            refuse(name, value, "Take a name such as Europe/Berlin; on Windows, install tzdata.")


@dataclass(frozen=True)
class Languages:
    """Languages by their codes; a text has commas between."""

    takes: str = "codes with commas between, such as `en,de,pt-BR`"

    def read(self, name: str, value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not given:
            refuse(name, value, "Write codes such as en,de; the first one is for whom nothing else speaks.")
        codes = []
        for code in given:
            try:
                codes.append(str(Locale.parse(str(code).strip().replace("_", "-"), sep="-")))
            except (UnknownLocaleError, ValueError):
                refuse(name, value, f"There is no language {str(code)!r}. Write codes such as en,de,pt-BR.")
        return tuple(dict.fromkeys(code.replace("_", "-") for code in codes))


@dataclass(frozen=True)
class Folders:
    """Folders that are there; a text has commas between."""

    takes: str = "a folder, or several with commas between"

    def read(self, name: str, value: Any) -> tuple[Path, ...]:
        given = value.split(",") if isinstance(value, str) else value
        listed = given if isinstance(given, Sequence) else (given,)
        if not all(isinstance(folder, str | Path) for folder in listed):
            refuse(name, value, "Write the path of a folder.")
        folders = tuple(Path(folder.strip() if isinstance(folder, str) else folder) for folder in listed)
        for folder in folders:
            if not folder.is_dir():
                refuse(name, value, f"There is no folder {str(folder)!r}. Write its whole path.")
        return folders


def _instead(value: str) -> str:
    """What stands there instead, told by its beginning alone; nothing where that says nothing."""
    for head, what in HEADS.items():
        if value.startswith(head):
            begins = _HEAD.match(value)
            return f"; it is {what}, {begins[0] if begins else head}..."
    return ""
