"""A form of text on its way to a newer version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stripe_emulator.core.types import Json

_STEP = re.compile(r"[^\[\]]+")


class Part:
    """A form, or a hash within one.

    ``called`` remembers what the caller called each parameter that is moved, so that an error names that.
    """

    def __init__(self, form: Json, prefix: str = "", called: dict[str, str] | None = None) -> None:
        self.form = form
        self.called: dict[str, str] = {} if called is None else called
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self.form

    def get(self, name: str) -> Any:
        """The text or the hash under a name; None if it was not sent."""
        return self.form.get(name)

    def put(self, path: str, value: Any) -> None:
        """Have the form say this: ``put("discounts[0][coupon]", "SALE")``."""
        *way, last = _STEP.findall(path)
        place = self.form
        for step in way:
            if not isinstance(place.get(step), dict):
                place[step] = {}
            place = place[step]
        place[last] = value

    def move(self, name: str, path: str, value: Any = None) -> None:
        """Say under ``path`` what the caller said under ``name``, if it did.

        :param value: What to say there, where it is not the same.
        """
        if name in self.form:
            sent = self.form.pop(name)
            self.put(path, sent if value is None else value)
            self.call(path, name)

    def call(self, path: str, name: str) -> None:
        """An error about ``path`` is one about the caller's ``name``."""
        self.called[self._spelled(path)] = self._spelled(name)

    def part(self, name: str) -> Part | None:
        """The hash under a name, if one was sent."""
        value = self.form.get(name)
        return Part(value, self._spelled(name), self.called) if isinstance(value, dict) else None

    def rows(self, name: str) -> Iterator[Part]:
        """Each hash of a list of hashes."""
        listed = self.part(name)
        for index in list(listed.form) if listed else ():
            row = listed.part(index) if listed else None
            if row is not None:
                yield row

    def _spelled(self, path: str) -> str:
        if not self._prefix:
            return path
        first, bracket, rest = path.partition("[")
        return f"{self._prefix}[{first}]{bracket}{rest}"
