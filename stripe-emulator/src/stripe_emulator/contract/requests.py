"""A decoded form becomes typed values, or the error that Stripe would answer.

The parameters of a route are a ``TypedDict`` of the SDK. Its annotations are
compiled, once, into what each parameter may hold; ``read`` then walks the form.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, cached_property
from types import NoneType
from typing import Any, TypeAlias

import typing_extensions
from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from stripe_emulator.contract import specified, unset
from stripe_emulator.contract.annotations import alternatives, literals, names_in
from stripe_emulator.contract.given import Given
from stripe_emulator.contract.routes import Route, find
from stripe_emulator.core.errors import InvalidRequest

Form: TypeAlias = "str | list[Form] | dict[str, Form]"

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?")
_INDEX = re.compile(r"[0-9]{1,6}")
_LARGEST = 2**63 - 1


class ParameterError(InvalidRequest):
    """A parameter that Stripe does not take as it was sent; ``param`` names it."""


def read(route: Route, form: dict[str, Form], known: Hash | None = None) -> Given:
    """The values in ``form``, typed as the route declares them.

    Whole numbers become int, flags bool, decimals stay text, and a hash with
    the keys 0, 1, 2 that stands for a list becomes one. An empty string stays
    where it unsets the parameter; of an object that is made now, it is left out.

    :param known: What the route takes; its parameters of today if None.
    :raises ParameterError: In Stripe's words, with its code and the parameter's name.
    """
    values = (known or parameters_of(route)).read(form, "")
    if unset.creates(route):
        for name in texts(route).keys() & values.keys():
            if dict.__getitem__(values, name) == "":
                del values[name]
    specified.check_lengths(route, values)
    return values


@cache
def parameters_of(route: Route) -> Hash:
    typed_dict = names_in(route.module)[route.parameters] if route.parameters else None
    text = Parameter(scalars=(str,))
    extra = {"expand": Parameter(items=text)}
    if route.path.startswith("/v2/"):
        extra["page"] = text  # only a list's next_page_url names it
    if str(route) == "POST /v1/webhook_endpoints":
        extra["api_version"] = text  # an older SDK does not list what is served beyond it
    known = Hash(typed_dict, extra).taking(texts(route))
    return known.taking(_CARD_IN_DATA) if "payment_method_data" in _annotations(route) else known


@cache
def texts(route: Route) -> dict[str, Parameter]:
    """The parameters of a route that an empty string unsets, besides those that are annotated so."""
    if not unset.names(route):
        return {}
    update = route if not unset.creates(route) else find("POST", f"{route.path}/x")
    taken = _annotations(route) & (_annotations(update) if update else set())
    return {name: Parameter(can_be_unset=True) for name in taken & unset.names(route)}


def _annotations(route: Route) -> set[str]:
    return set(names_in(route.module)[route.parameters].__annotations__) if route.parameters else set()


class Hash:
    """Named parameters: those of a route, or those nested in one of them."""

    def __init__(
        self,
        typed_dict: Any,
        extra: Mapping[str, Parameter] | None = None,
        older: Mapping[str, Parameter] | None = None,
    ) -> None:
        self._typed_dict = typed_dict
        self._extra = extra or {}
        self._older = older or {}

    def taking(self, older: Mapping[str, Parameter]) -> Hash:
        """These parameters, and what older callers may send besides or instead."""
        return Hash(self._typed_dict, self._extra, _either(self._older, older))

    @cached_property
    def fields(self) -> dict[str, Parameter]:
        return _either(self._today, self._older)

    @cached_property
    def _today(self) -> dict[str, Parameter]:
        if self._typed_dict is None:
            return dict(self._extra)
        names = set(self._typed_dict.__annotations__)
        if RequestOptions in self._typed_dict.__orig_bases__:
            names -= set(RequestOptions.__annotations__)  # the SDK's own settings, never sent
        module = self._typed_dict.__module__
        today = {
            name: parameter(annotation, module)
            for name, annotation in self._typed_dict.__annotations__.items()
            if name in names
        } | dict(self._extra)
        if today.keys() >= unset.ADDRESS:
            today |= {name: replace(today[name], can_be_unset=True) for name in unset.ADDRESS}
        return today

    @cached_property
    def required(self) -> list[str]:
        if self._typed_dict is None:
            return []
        return [name for name in self.fields if name in self._typed_dict.__required_keys__]

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
    scalars: tuple[type, ...] = ()
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
            read_scalar, _, _ = _SCALARS[scalar]
            if (value := read_scalar(text)) is not None:
                return value
        if self.scalars:
            _, complaint, code = _SCALARS[self.scalars[0]]
            raise ParameterError(f"{complaint}: {text}", code=code, param=name)
        if self.words:
            raise ParameterError(f"Invalid {name}: must be one of {_listed(self.words)}", param=name)
        raise ParameterError(self._complaint(), param=name)

    def _complaint(self) -> str:
        if self.items:
            return "Invalid array"
        if self.hashes or self.values:
            return "Invalid object"
        return _SCALARS[self.scalars[0]][1] if self.scalars else "Invalid string"


def _hash(**fields: Parameter) -> Parameter:
    return Parameter(hashes=(Hash(None, fields),))


#: A card within ``payment_method_data``: Stripe takes it and does not list it.
_CARD_IN_DATA = {
    "payment_method_data": _hash(
        type=Parameter(words=("card",)),
        card=_hash(
            cvc=Parameter(scalars=(str,)),
            exp_month=Parameter(scalars=(int,)),
            exp_year=Parameter(scalars=(int,)),
            number=Parameter(scalars=(str,)),
            token=Parameter(scalars=(str,)),
        ),
    )
}


def parameter(annotation: Any, module: str) -> Parameter:
    """Compile one annotation. ``Literal["a", "b"] | str`` takes only a and b, as Stripe does."""
    words: list[str] = []
    scalars: list[type] = []
    hashes: list[Hash] = []
    items = values = None
    anything = False
    for alternative in alternatives(annotation, module):
        origin, arguments = typing.get_origin(alternative), typing.get_args(alternative)
        if (named := literals(alternative)) is not None:
            words += named
        elif origin is list:
            items = parameter(arguments[0], module)
        elif origin in (dict, UntypedStripeObject):
            values = replace(parameter(arguments[-1], module), can_be_unset=True)
        elif typing_extensions.is_typeddict(alternative):
            hashes.append(_hash_of(alternative))
        elif alternative is Any:
            anything = True
        elif alternative in _SCALARS:
            scalars.append(alternative)
        elif alternative is not NoneType:
            raise TypeError(f"{module} annotates a parameter with {alternative!r}")
    return Parameter(
        words=tuple(word for word in words if word),
        scalars=tuple(scalar for scalar in scalars if scalar is not str or not any(words)),
        items=items,
        hashes=tuple(hashes),
        values=values,
        can_be_unset="" in words,
        anything=anything,
    )


@cache
def _hash_of(typed_dict: Any) -> Hash:
    return Hash(typed_dict)


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
_SCALARS: dict[Any, tuple[Callable[[str], Any], str, str | None]] = {
    bool: (_boolean, "Invalid boolean", None),
    int: (_integer, "Invalid integer", "parameter_invalid_integer"),
    float: (_number, "Invalid decimal", None),
    Decimal: (_decimal, "Invalid decimal", None),
    str: (str, "Invalid string", None),
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
