"""A decoded form becomes typed values, or the error that Stripe would answer.

The parameters of a route are a ``TypedDict`` of the SDK. Its annotations are
compiled, once, into what each parameter may hold; ``read`` then walks the form.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, cached_property
from types import NoneType
from typing import Any, TypeAlias

import typing_extensions
from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from stripe_emulator.contract.annotations import alternatives, literals, names_in
from stripe_emulator.contract.routes import Route
from stripe_emulator.core.errors import InvalidRequest

Form: TypeAlias = "str | list[Form] | dict[str, Form]"

#: Creating one of these with ``payment_method_types`` has an error of its own since endive.
DYNAMIC_PAYMENT_METHODS_ONLY = {"/v1/checkout/sessions", "/v1/payment_intents", "/v1/setup_intents"}

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?")
_INDEX = re.compile(r"[0-9]{1,6}")
_LARGEST = 2**63 - 1


class ParameterError(InvalidRequest):
    """A parameter that Stripe does not take as it was sent; ``param`` names it."""


class Given(dict[str, Any]):
    """The parameters of one request, which remember which of them were asked for.

    What a route never looks at has no effect, and must not look as if it had: ``unread`` names it.
    """

    def __init__(self, values: Mapping[str, Any], read: set[str] | None = None) -> None:
        super().__init__(values)
        self._read: set[str] = set() if read is None else read

    def unread(self) -> list[str]:
        """Names of parameters that were sent and never looked at."""
        return [name for name in self.keys() if name not in self._read]

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

    def __or__(self, other: Mapping[str, Any]) -> Given:  # type: ignore[override]
        return Given({**dict(super().items()), **other}, self._read)


def read(route: Route, form: dict[str, Form], *, strict: bool = True) -> Given:
    """The values in ``form``, typed as the route declares them.

    Whole numbers become int, flags bool, decimals stay text, and a hash with
    the keys 0, 1, 2 that stands for a list becomes one. An empty string stays
    where it unsets the parameter.

    :param strict: False answers as an older account would be answered:
        unknown parameters pass as they came, and so do unlisted words. Where
        there are unknown ones, nothing counts as missing: one of them may be
        the older name of it. A GET is held to today's filters all the same: a
        filter that is passed over gives wrong rows.
    :raises ParameterError: In Stripe's words, with its code and the parameter's name.
    """
    if strict and _names_retired_types(route, form):
        raise ParameterError(
            "The payment_method_types parameter is no longer supported. Leave it out to use the payment "
            "methods of your Dashboard, or narrow them with allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    return Given(parameters_of(route).read(form, "", strict or route.verb == "GET"))


def _names_retired_types(route: Route, form: dict[str, Form]) -> bool:
    return (
        "payment_method_types" in form and route.verb == "POST" and route.path in DYNAMIC_PAYMENT_METHODS_ONLY
    )


@cache
def parameters_of(route: Route) -> Hash:
    typed_dict = names_in(route.module)[route.parameters] if route.parameters else None
    text = Parameter(scalars=(str,))
    pages = {"page": text} if route.path.startswith("/v2/") else {}  # only a list's next_page_url names it
    return Hash(typed_dict, extra={"expand": Parameter(items=text), **pages})


class Hash:
    """Named parameters: those of a route, or those nested in one of them."""

    def __init__(self, typed_dict: Any, extra: dict[str, Parameter] | None = None) -> None:
        self._typed_dict = typed_dict
        self._extra = extra or {}

    @cached_property
    def fields(self) -> dict[str, Parameter]:
        if self._typed_dict is None:
            return self._extra
        names = set(self._typed_dict.__annotations__)
        if RequestOptions in self._typed_dict.__orig_bases__:
            names -= set(RequestOptions.__annotations__)  # the SDK's own settings, never sent
        module = self._typed_dict.__module__
        return {
            name: parameter(annotation, module)
            for name, annotation in self._typed_dict.__annotations__.items()
            if name in names
        } | self._extra

    @cached_property
    def required(self) -> list[str]:
        if self._typed_dict is None:
            return []
        return [name for name in self.fields if name in self._typed_dict.__required_keys__]

    def read(self, form: dict[str, Form], name: str, strict: bool) -> dict[str, Any]:
        known = self.fields
        if strict and not form.keys() <= known.keys():
            raise _unknown([_nested(name, key) for key in form if key not in known])
        for key in self.required:
            if key not in form and form.keys() <= known.keys():
                raise _missing(_nested(name, key))
        return {
            key: known[key].read(value, _nested(name, key), strict) if key in known else _untyped(value)
            for key, value in form.items()
        }


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

    def read(self, value: Form, name: str, strict: bool) -> Any:
        if self.anything:
            return value
        if isinstance(value, str):
            return self._read_text(value, name, strict)
        if isinstance(value, dict) and self.hashes:
            return _first_that_reads(self.hashes, value, name, strict)
        if isinstance(value, dict) and self.values:
            return {key: self.values.read(each, _nested(name, key), strict) for key, each in value.items()}
        rows = _rows(value) if self.items else None
        if self.items is None or rows is None:
            raise ParameterError(self._complaint(), param=name)
        return [self.items.read(row, f"{name}[{index}]", strict) for index, row in enumerate(rows)]

    def _read_text(self, text: str, name: str, strict: bool) -> Any:
        if text in self.words or (text == "" and self.can_be_unset):
            return text
        if text == "":
            raise _empty(name)
        for scalar in self.scalars:
            read_scalar, _, _ = _SCALARS[scalar]
            if (value := read_scalar(text)) is not None:
                return value
        if self.words and not strict:
            return text
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


def _first_that_reads(hashes: tuple[Hash, ...], form: dict[str, Form], name: str, strict: bool) -> Any:
    *others, last = hashes
    for candidate in others:
        try:
            return candidate.read(form, name, strict)
        except ParameterError:
            continue
    return last.read(form, name, strict)


def _rows(value: Form) -> list[Form] | None:
    """The rows of ``a[]=x`` or of ``a[0]=x``, or None if it is no list."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(_INDEX.fullmatch(key) for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return None


def _untyped(value: Form) -> Form:
    """A parameter that nothing is known of: text, with its lists made lists."""
    if isinstance(value, str):
        return value
    if value and (rows := _rows(value)) is not None:
        return [_untyped(row) for row in rows]
    return {key: _untyped(each) for key, each in value.items()} if isinstance(value, dict) else value


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
