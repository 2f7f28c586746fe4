"""Fields that a shop adds to its Checkout page: text, digits, or a choice.

https://docs.stripe.com/payments/checkout/custom-fields
"""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

MAX_FIELDS, MAX_OPTIONS = 3, 200
#: The most characters of what a customer types.
MAX_LENGTH = 255


def read(form: Form) -> list[Json]:
    """The fields of a form, as a session or a payment link shows them.

    :raises InvalidRequest: Too many, two of one key, or one that nobody could fill in.
    """
    wanted = form.get("custom_fields") or []
    if len(wanted) > MAX_FIELDS:
        raise InvalidRequest(f"You can have up to {MAX_FIELDS} custom fields.", param="custom_fields")
    fields = [_field(each, f"custom_fields[{number}]") for number, each in enumerate(wanted)]
    keys = [field["key"] for field in fields]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise InvalidRequest(
                f"Custom field keys must be unique. `{key}` is used more than once.",
                param=f"custom_fields[{number}][key]",
            )
    return fields


def unfilled(form: Form) -> list[Json]:
    """The fields of a form as a payment link shows them: nobody has typed anything."""
    return [{**field, field["type"]: _without_value(field)} for field in read(form)]


def _without_value(field: Json) -> Json:
    return {name: value for name, value in field[field["type"]].items() if name != "value"}


def asked(session: Json) -> list[Json]:
    """The fields of a session, in their order."""
    fields: list[Json] = session.get("custom_fields") or []
    return fields


def filled(session: Json, typed: dict[str, str]) -> list[Json]:
    """The fields with what the customer typed, by the fields' keys.

    :raises InvalidRequest: Something that must be there is missing, or can't be right; ``param`` is
        ``custom_fields[key]``.
    """
    return [{**field, field["type"]: _filled(field, typed)} for field in asked(session)]


def as_form(fields: list[Json]) -> list[Json]:
    """Fields that are shown, as a form asks for them."""
    return [
        {
            **field,
            field["type"]: {name: value for name, value in field[field["type"]].items() if value is not None},
        }
        for field in fields
    ]


def examples(session: Json) -> dict[str, str]:
    """What a test's customer types who was told nothing."""
    return {field["key"]: _example(field) for field in asked(session)}


def _field(form: Form, param: str) -> Json:
    kind, key, label = form["type"], form["key"], form["label"]
    if not key.isalnum():
        raise InvalidRequest("Custom field keys must be alphanumeric.", param=f"{param}[key]")
    own = form.get(kind) or {}
    for other in ("dropdown", "numeric", "text"):
        if other != kind and form.get(other):
            raise InvalidRequest(
                f"You can not pass `{other}` for a custom field of type `{kind}`.", param=f"{param}[{other}]"
            )
    shape = _dropdown(own, param) if kind == "dropdown" else _typed(own, f"{param}[{kind}]")
    field = {
        "key": key,
        "label": {"custom": label["custom"], "type": label["type"]},
        "optional": form.get("optional", False),
        "type": kind,
        kind: shape,
    }
    if shape["default_value"] is not None:
        _filled(field, {key: shape["default_value"]}, f"{param}[{kind}][default_value]")
    return field


def _dropdown(form: Form, param: str) -> Json:
    options = form.get("options") or []
    if not 1 <= len(options) <= MAX_OPTIONS:
        raise InvalidRequest(
            f"A dropdown needs between 1 and {MAX_OPTIONS} options.", param=f"{param}[dropdown][options]"
        )
    values = [option["value"] for option in options]
    for number, value in enumerate(values):
        if not value.isalnum() or value in values[:number]:
            raise InvalidRequest(
                "Dropdown option values must be alphanumeric and unique.",
                param=f"{param}[dropdown][options][{number}][value]",
            )
    shown = [{"label": option["label"], "value": option["value"]} for option in options]
    return {"default_value": form.get("default_value"), "options": shown, "value": None}


def _typed(form: Form, param: str) -> Json:
    least, most = form.get("minimum_length"), form.get("maximum_length")
    for name, length in (("minimum_length", least), ("maximum_length", most)):
        if length is not None and not 1 <= length <= MAX_LENGTH:
            raise InvalidRequest(
                f"This value must be between 1 and {MAX_LENGTH}.",
                code="parameter_invalid_integer",
                param=f"{param}[{name}]",
            )
    if least and most and least > most:
        raise InvalidRequest(
            "The minimum length must not be larger than the maximum length.", param=f"{param}[minimum_length]"
        )
    return {
        "default_value": form.get("default_value"),
        "maximum_length": most,
        "minimum_length": least,
        "value": None,
    }


def _filled(field: Json, typed: dict[str, str], param: str | None = None) -> Json:
    """The part of a field that has its value."""
    part: Json = field[field["type"]]
    value, label = typed.get(field["key"], "").strip(), field["label"]["custom"]
    param = param or f"custom_fields[{field['key']}]"
    if not value:
        if not field["optional"]:
            raise InvalidRequest(f"{label} is missing.", param=param)
        return {**part, "value": None}
    if field["type"] == "dropdown":
        if value not in [option["value"] for option in part["options"]]:
            raise InvalidRequest(f"{label}: choose one of the options.", param=param)
        return {**part, "value": value}
    if field["type"] == "numeric" and not (value.isascii() and value.isdigit()):
        raise InvalidRequest(f"{label}: digits alone, please.", param=param)
    least, most = part["minimum_length"] or 1, part["maximum_length"] or MAX_LENGTH
    if not least <= len(value) <= most:
        raise InvalidRequest(f"{label} must have {least} to {most} characters.", param=param)
    return {**part, "value": value}


def _example(field: Json) -> str:
    part = field[field["type"]]
    if part["default_value"] is not None:
        return str(part["default_value"])
    if field["type"] == "dropdown":
        return str(part["options"][0]["value"])
    length = part["minimum_length"] or 1
    return ("1" if field["type"] == "numeric" else "x") * length
