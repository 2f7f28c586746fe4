"""What a parameter may hold, and how the text of a form becomes that.

A ``Hash`` is the parameters of a route, or those nested in one of them; a ``Parameter`` is one of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from stripe_emulator.contract.requests.given_parameters import Given
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

Form: TypeAlias = "str | list[Form] | dict[str, Form]"
#: The parameters of a hash, and which of them must be sent.
Fields: TypeAlias = "tuple[dict[str, Parameter], list[str]]"

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?")
_INDEX = re.compile(r"[0-9]{1,6}")
_LARGEST = 2**63 - 1


class ParameterError(InvalidRequest):
    """A parameter that Stripe does not take as it was sent; ``param`` names it."""


class Hash:
    """Named parameters: those of a route, or those nested in one of them."""

    def __init__(self, today: Callable[[], Fields], older: Mapping[str, Parameter] | None = None) -> None:
        self._read_today = today
        self._older = older or {}

    @classmethod
    def of(cls, fields: Mapping[str, Parameter]) -> Hash:
        """These parameters, none of which must be sent."""
        return cls(lambda: (dict(fields), []))

    @classmethod
    def from_json(cls, kept: Json) -> Hash:
        """A hash as ``as_json`` wrote it."""
        return cls(
            lambda: ({name: Parameter.from_json(each) for name, each in kept["takes"].items()}, kept["needs"])
        )

    def as_json(self) -> Json:
        """What JSON can hold of it, with all that is nested in it."""
        return {"takes": {name: each.as_json() for name, each in self.fields.items()}, "needs": self.required}

    def taking(self, older: Mapping[str, Parameter]) -> Hash:
        """These parameters, and what older callers may send besides or instead."""
        return Hash(self._read_today, _either(self._older, older))

    @cached_property
    def fields(self) -> dict[str, Parameter]:
        return _either(self._today[0], self._older)

    @cached_property
    def _today(self) -> Fields:
        return self._read_today()

    @property
    def required(self) -> list[str]:
        return self._today[1]

    @cached_property
    def _only_words(self) -> set[str]:
        """Those that must be sent and can be but one word, which tells a route nothing: ``type=coupon``."""
        return {name for name in self.required if self.fields[name].is_one_word}

    def read(self, form: dict[str, Form], name: str) -> Given:
        known = self.fields
        if not form.keys() <= known.keys():
            raise _unknown([_nested(name, key) for key in form if key not in known])
        for key in self.required:
            if key not in form:
                raise _missing(_nested(name, key))
        values = {key: known[key].read(value, _nested(name, key)) for key, value in form.items()}
        return Given(values, self._only_words & form.keys())

    def refuse_unknown(self, form: dict[str, Form], name: str = "") -> None:
        """:raises ParameterError: A name, here or deeper, that this does not take."""
        if unknown := [_nested(name, key) for key in form if key not in self.fields]:
            raise _unknown(unknown)
        for key, value in form.items():
            self.fields[key].refuse_unknown(value, _nested(name, key))


@dataclass(frozen=True)
class Parameter:
    """What one parameter may hold: one of ``words``, text that reads as a scalar, a list or a hash."""

    words: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()
    items: Parameter | None = None
    hashes: tuple[Hash, ...] = ()
    values: Parameter | None = None
    can_be_unset: bool = False
    anything: bool = False

    @property
    def is_one_word(self) -> bool:
        """Whether all that it may hold is one word."""
        others = self.scalars or self.items or self.hashes or self.values or self.anything
        return len(self.words) == 1 and not others and not self.can_be_unset

    def as_json(self) -> Json:
        """What JSON can hold of it; what it has not is left out."""
        has: Json = {
            "words": self.words,
            "scalars": self.scalars,
            "items": self.items and self.items.as_json(),
            "hashes": [each.as_json() for each in self.hashes],
            "values": self.values and self.values.as_json(),
            "can_be_unset": self.can_be_unset,
            "anything": self.anything,
        }
        return {name: value for name, value in has.items() if value}

    @classmethod
    def from_json(cls, kept: Json) -> Parameter:
        """A parameter as ``as_json`` wrote it."""
        return cls(
            words=tuple(kept.get("words", ())),
            scalars=tuple(kept.get("scalars", ())),
            items=cls.from_json(kept["items"]) if "items" in kept else None,
            hashes=tuple(map(Hash.from_json, kept.get("hashes", ()))),
            values=cls.from_json(kept["values"]) if "values" in kept else None,
            can_be_unset=kept.get("can_be_unset", False),
            anything=kept.get("anything", False),
        )

    def read(self, value: Form, name: str) -> Any:
        if self.anything:
            return value
        if isinstance(value, str):
            return self._read_text(value, name)
        if isinstance(value, dict) and self.hashes:
            return _first_that_reads(self.hashes, value, name)
        if isinstance(value, dict) and self.values:
            return {key: self.values.read(each, _nested(name, key)) for key, each in value.items()}
        rows = _rows(value) if self.items else None
        if self.items is None or rows is None:
            raise ParameterError(self._complaint(), param=name)
        return [self.items.read(row, f"{name}[{index}]") for index, row in enumerate(rows)]

    def or_else(self, other: Parameter) -> Parameter:
        """What either of them holds."""
        mine, theirs = self.hashes, other.hashes
        hashes = tuple(each.taking(theirs[0].fields) for each in mine) if mine and theirs else mine + theirs
        return Parameter(
            words=self.words + other.words,
            scalars=(*self.scalars, *(scalar for scalar in other.scalars if scalar not in self.scalars)),
            items=self.items.or_else(other.items)
            if self.items and other.items
            else self.items or other.items,
            hashes=hashes,
            values=self.values or other.values,
            can_be_unset=self.can_be_unset or other.can_be_unset,
            anything=self.anything or other.anything,
        )

    def refuse_unknown(self, value: Form, name: str) -> None:
        """:raises ParameterError: A name within the value that no hash here takes."""
        if not isinstance(value, dict) or self.anything or self.values:
            return
        rows = _rows(value) if self.items else None
        if self.items is not None and rows is not None:
            for index, row in enumerate(rows):
                self.items.refuse_unknown(row, f"{name}[{index}]")
        elif len(self.hashes) == 1:
            self.hashes[0].refuse_unknown(value, name)

    def _read_text(self, text: str, name: str) -> Any:
        if text in self.words or (text == "" and self.can_be_unset):
            return text
        if text == "":
            raise _empty(name)
        for scalar in self.scalars:
            read_scalar, _, _ = SCALARS[scalar]
            if (value := read_scalar(text)) is not None:
                return value
        if self.scalars:
            _, complaint, code = SCALARS[self.scalars[0]]
            raise ParameterError(f"{complaint}: {text}", code=code, param=name)
        if self.words:
            raise ParameterError(f"Invalid {name}: must be one of {_listed(self.words)}", param=name)
        raise ParameterError(self._complaint(), param=name)

    def _complaint(self) -> str:
        if self.items:
            return "Invalid array"
        if self.hashes or self.values:
            return "Invalid object"
        return SCALARS[self.scalars[0]][1] if self.scalars else "Invalid string"


def _first_that_reads(hashes: tuple[Hash, ...], form: dict[str, Form], name: str) -> Any:
    *others, last = hashes
    for candidate in others:
        try:
            return candidate.read(form, name)
        except ParameterError:
            continue
    return last.read(form, name)


def _either(today: Mapping[str, Parameter], older: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters of both; of one that both have, what either holds."""
    both = {name: today[name].or_else(older[name]) for name in today.keys() & older.keys()}
    return {**today, **older, **both}


def _rows(value: Form) -> list[Form] | None:
    """The rows of ``a[]=x`` or of ``a[0]=x``, or None if it is no list."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(_INDEX.fullmatch(key) for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return None


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _integer(text: str) -> int | None:
    if _INTEGER.fullmatch(text) and abs(int(text)) <= _LARGEST:
        return int(text)
    return None


def _number(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text) else None


def _decimal(text: str) -> str | None:
    return text if _DECIMAL.fullmatch(text) else None


#: How each kind of text is read, what Stripe says if it can't be, and the code it gives.
SCALARS: dict[str, tuple[Callable[[str], Any], str, str | None]] = {
    "bool": (_boolean, "Invalid boolean", None),
    "int": (_integer, "Invalid integer", "parameter_invalid_integer"),
    "float": (_number, "Invalid decimal", None),
    "decimal": (_decimal, "Invalid decimal", None),
    "str": (str, "Invalid string", None),
}


def _nested(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


def _listed(words: tuple[str, ...]) -> str:
    """``a``, ``a or b``, ``a, b, or c``."""
    *others, last = words
    if not others:
        return last
    return f"{', '.join(others)}{',' if len(others) > 1 else ''} or {last}"


def _unknown(names: list[str]) -> ParameterError:
    plural = "s" if len(names) > 1 else ""
    message = f"Received unknown parameter{plural}: {', '.join(names)}"
    return ParameterError(message, code="parameter_unknown", param=names[0])


def _missing(name: str) -> ParameterError:
    return ParameterError(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _empty(name: str) -> ParameterError:
    message = (
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
        f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
        "supply a non-empty value."
    )
    return ParameterError(message, code="parameter_invalid_empty", param=name)
