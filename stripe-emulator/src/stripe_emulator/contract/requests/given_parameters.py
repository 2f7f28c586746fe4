"""The parameters of a request, which remember which of them were looked at.

What a route never looks at has no effect, and must not look as if it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Given(dict[str, Any]):
    """Parameters by name: those of a request, or those of one hash within it.

    One counts as read once it is asked for by name, or once all of them are taken together: by
    ``{**form}``, or where a hash is written out as it is, in an object or an answer. That a hash was
    asked for says nothing of what is in it.
    """

    def __init__(self, values: Mapping[str, Any], read: set[str] | None = None) -> None:
        super().__init__(values)
        self._read: set[str] = set() if read is None else read

    def unread(self) -> list[str]:
        """Parameters that were sent and never looked at, named as they are sent: ``items[0][price]``."""
        names: list[str] = []
        for name, value in super().items():
            if name in self._read:
                names += [f"{name}{rest}" for rest in _unread_within(value)]
            else:
                names.append(name)
        return names

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._read.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:  # also makes ``{**form}`` go through here
        self._read.update(self.keys())
        return super().__iter__()

    def items(self) -> Any:
        self._read.update(self.keys())
        return super().items()

    def values(self) -> Any:
        self._read.update(self.keys())
        return super().values()

    def __or__(self, other: Mapping[str, Any]) -> Given:  # type: ignore[override]
        return Given({**dict(super().items()), **other}, self._read)


def _unread_within(value: Any) -> list[str]:
    """What was not looked at within a parameter, as it goes on behind the parameter's name."""
    if isinstance(value, Given):
        return [_bracketed(name) for name in value.unread()]
    if isinstance(value, list):
        return [f"[{index}]{rest}" for index, row in enumerate(value) for rest in _unread_within(row)]
    return []


def _bracketed(name: str) -> str:
    first, *rest = name.split("[", 1)
    return f"[{first}]{''.join(f'[{each}' for each in rest)}"
