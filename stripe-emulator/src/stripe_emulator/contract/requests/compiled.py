"""What a route takes, compiled from the annotations of the SDK, whose parameters are a ``TypedDict``."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from types import NoneType
from typing import Any

import typing_extensions
from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from stripe_emulator.contract.requests import route_effects
from stripe_emulator.contract.requests.parameters import SCALARS, Fields, Hash, Parameter
from stripe_emulator.contract.responses import responses
from stripe_emulator.contract.sources.annotations import alternatives, literals, names_in
from stripe_emulator.contract.sources.routes import Route, find

#: Names of objects that an empty string unsets, as it does texts.
_NAMES = frozenset(["default_payment_method", "default_source"])
#: Within a hash that has a ``default_payment_method``, the texts that an empty string unsets.
_SETTINGS = frozenset(["default_payment_method", "footer"])
#: The lines of an address, each of which may be left blank.
_ADDRESS = frozenset(["city", "line1", "line2", "postal_code", "state"])

_TEXT = Parameter(scalars=("str",))
_SCALAR_OF: dict[Any, str] = {bool: "bool", int: "int", float: "float", Decimal: "decimal", str: "str"}


def facts_of(route: Route) -> dict[str, Any]:
    """What the route takes, and which empty texts are none where it makes an object; for ``kept``."""
    empty = texts(route)
    return {"takes": _hash_of_route(route, empty).as_json(), "unset": sorted(empty)}


def _hash_of_route(route: Route, empty: Mapping[str, Parameter]) -> Hash:
    typed_dict = names_in(route.module)[route.parameters] if route.parameters else None
    extra = {"expand": Parameter(items=_TEXT)}
    if route.path.startswith("/v2/"):
        extra["page"] = _TEXT  # only a list's next_page_url names it
    if str(route) == "POST /v1/webhook_endpoints":
        extra["api_version"] = _TEXT  # an older SDK does not list what is served beyond it
    known = Hash(partial(_fields, typed_dict, extra)).taking(empty)
    return known.taking(_CARD_IN_DATA) if "payment_method_data" in _annotations(route) else known


def texts(route: Route) -> dict[str, Parameter]:
    """The parameters of a route that an empty string unsets, besides those that are annotated so.

    Stripe takes ``description=`` where a later update could take the text away: a text of the object that
    may be null, and that both the create and the update route take. Elsewhere an empty string is refused.
    """
    if not (names := _nullable_texts(route)):
        return {}
    update = route if not route_effects.creates(route) else find("POST", f"{route.path}/x")
    taken = _annotations(route) & (_annotations(update) if update else set())
    return {name: Parameter(can_be_unset=True) for name in taken & names}


def _nullable_texts(route: Route) -> frozenset[str]:
    """The texts of the object of a route that may be null."""
    if not (route_effects.creates(route) or route_effects.updates(route)):
        return frozenset()
    shapes = responses.value_of(route.answer, route.module).shapes
    if len(shapes) != 1 or not isinstance(shapes[0], responses.Object):
        return frozenset()
    return frozenset(
        name
        for name, field in shapes[0].fields.items()
        if field.nullable and (name in _NAMES or (_is_text(field) and not name.endswith("url")))
    )


def _is_text(field: responses.Value) -> bool:
    return field.shapes == (responses.Scalar(str),)


def parameter(annotation: Any, module: str) -> Parameter:
    """Compile one annotation. ``Literal["a", "b"] | str`` takes only a and b, as Stripe does."""
    words: list[str] = []
    scalars: list[str] = []
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
        elif alternative in _SCALAR_OF:
            scalars.append(_SCALAR_OF[alternative])
        elif alternative is not NoneType:
            raise TypeError(f"{module} annotates a parameter with {alternative!r}")
    assert SCALARS.keys() >= set(scalars)
    return Parameter(
        words=tuple(word for word in words if word),
        scalars=tuple(scalar for scalar in scalars if scalar != "str" or not any(words)),
        items=items,
        hashes=tuple(hashes),
        values=values,
        can_be_unset="" in words,
        anything=anything,
    )


@cache
def _hash_of(typed_dict: Any) -> Hash:
    return Hash(partial(_nested_fields, typed_dict))


def _nested_fields(typed_dict: Any) -> Fields:
    known, required = _fields(typed_dict, {})
    if "default_payment_method" in known:
        known |= {name: replace(known[name], can_be_unset=True) for name in known.keys() & _SETTINGS}
    return known, required


def _fields(typed_dict: Any, extra: Mapping[str, Parameter]) -> Fields:
    """Of a hash: its parameters, and which of them must be sent."""
    if typed_dict is None:
        return dict(extra), []
    names = set(typed_dict.__annotations__)
    if RequestOptions in getattr(typed_dict, "__orig_bases__", ()):  # Python 3.11 keeps none for its own
        names -= set(RequestOptions.__annotations__)  # the SDK's own settings, never sent
    module = typed_dict.__module__
    known = {
        name: parameter(annotation, module)
        for name, annotation in typed_dict.__annotations__.items()
        if name in names
    } | dict(extra)
    if known.keys() >= _ADDRESS:
        known |= {name: replace(known[name], can_be_unset=True) for name in _ADDRESS}
    return known, [name for name in known if name in typed_dict.__required_keys__]


def _annotations(route: Route) -> set[str]:
    return set(names_in(route.module)[route.parameters].__annotations__) if route.parameters else set()


def _hash(**fields: Parameter) -> Parameter:
    return Parameter(hashes=(Hash.of(fields),))


#: A card within ``payment_method_data``: Stripe takes it and does not list it.
_CARD_IN_DATA = {
    "payment_method_data": _hash(
        type=Parameter(words=("card",)),
        card=_hash(
            cvc=_TEXT,
            exp_month=Parameter(scalars=("int",)),
            exp_year=Parameter(scalars=("int",)),
            number=_TEXT,
            token=_TEXT,
        ),
    )
}
