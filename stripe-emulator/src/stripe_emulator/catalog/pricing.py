"""What a price costs: made from a form, and worked out for a quantity."""

from __future__ import annotations

import itertools
from decimal import ROUND_HALF_UP, Decimal

from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, only_one_of
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

#: How many a unit's amount can have.
DECIMAL_PLACES = 12


#: A price is archived: payment links that sell by it close.
archived: Hook[[Json]] = Hook()


def new(form: Form, param: str = "") -> Json:
    """A price from creation parameters; emits nothing.

    :param param: How the form calls these parameters, such as ``line_items[0][price_data]``.
    """
    currency = money.currency(form["currency"], _named(param, "currency"))
    product = store.named("product", form["product"], _named(param, "product")) if "product" in form else None
    if product is None:
        raise InvalidRequest(
            "You must specify either `product` or `product_data` when creating a price.",
            code="parameter_missing",
            param=_named(param, "product"),
        )
    tiered = form.get("billing_scheme") == "tiered"
    amount, exact = (None, None) if tiered or "custom_unit_amount" in form else _unit_amount(form, param)
    recurring = _recurring(form, param)
    if recurring and "custom_unit_amount" in form:
        raise InvalidRequest(
            "A recurring price has no amount that the customer chooses.",
            param=_named(param, "custom_unit_amount"),
        )
    if not tiered and form.get("tiers"):
        raise InvalidRequest(
            "`tiers` can only be passed where `billing_scheme` is `tiered`.", param=_named(param, "tiers")
        )
    if tiered and (recurring is None or not form.get("tiers")):
        raise InvalidRequest(
            "A tiered price is recurring and has tiers.",
            code="parameter_missing",
            param=_named(param, "tiers"),
        )
    if tiered:
        _check_tiers(form, param)
    if tiered and form.get("transform_quantity"):
        raise InvalidRequest(
            "`transform_quantity` can't be combined with `tiers`.", param=_named(param, "transform_quantity")
        )
    return objects.create(
        "price",
        active=form.get("active", True),
        billing_scheme=form.get("billing_scheme", "per_unit"),
        currency=currency,
        custom_unit_amount=_custom(form),
        metadata=form.get("metadata"),
        nickname=form.get("nickname"),
        product=product["id"],
        recurring=recurring,
        tax_behavior=form.get("tax_behavior", "unspecified"),
        tiers_mode=form.get("tiers_mode"),
        transform_quantity=form.get("transform_quantity"),
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=exact,
        _currency_options=_currency_options(form, currency, param),
        _tiers=_tiers(form) if tiered else None,
    )


def _currency_options(form: Form, own: str, param: str) -> Json:
    """What the price is in other currencies, each as the fields of a price that it replaces."""
    options: Json = {}
    for code, given in (form.get("currency_options") or {}).items():
        named = f"{_named(param, 'currency_options')}[{code}]"
        currency = money.currency(code, named)
        if currency == own:
            raise InvalidRequest(
                "The currency of the price itself can't be one of its `currency_options`.", param=named
            )
        tiered = bool(given.get("tiers"))
        plain = not tiered and "custom_unit_amount" not in given
        amount, exact = _unit_amount(given, named) if plain else (None, None)
        options[currency] = {
            "currency": currency,
            "custom_unit_amount": _custom(given),
            "tax_behavior": given.get("tax_behavior", form.get("tax_behavior", "unspecified")),
            "unit_amount": amount,
            "unit_amount_decimal": exact,
            "_tiers": _tiers(given) if tiered else None,
        }
    return options


def total(price: Json, quantity: int) -> int:
    """What a quantity costs at a price, rounded half up to the smallest unit. Tiers count as at Stripe."""
    if price["billing_scheme"] == "tiered":
        return _tiered_total(price, quantity)
    divided = price.get("transform_quantity")
    if divided:
        by = divided["divide_by"]
        quantity = quantity // by if divided["round"] == "down" else -(-quantity // by)
    exact = Decimal(price["unit_amount_decimal"] or 0) * quantity
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def _tiered_total(price: Json, quantity: int) -> int:
    whole, start = Decimal(0), 0
    for tier in price["_tiers"]:
        end = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        within = end - start if price["tiers_mode"] == "graduated" else quantity
        last = tier["up_to"] is None or quantity <= tier["up_to"]
        if price["tiers_mode"] == "graduated" or last:
            whole += Decimal(tier["unit_amount_decimal"] or 0) * within
            whole += Decimal(tier["flat_amount_decimal"] or 0)
        if last:
            break
        start = end
    return int(whole.quantize(Decimal(1), ROUND_HALF_UP))


def _unit_amount(form: Form, param: str) -> tuple[int | None, str]:
    """``unit_amount`` and its decimal form; the first is None where the second has a fraction."""
    if "unit_amount" in form and "unit_amount_decimal" in form:
        raise only_one_of(
            "unit_amount",
            "unit_amount_decimal",
            param=_named(param, "unit_amount"),
        )
    if "unit_amount" in form:
        exact = Decimal(form["unit_amount"])
    elif "unit_amount_decimal" in form:
        exact = Decimal(str(form["unit_amount_decimal"]))
    else:
        raise InvalidRequest(
            "You must specify either `unit_amount`, `unit_amount_decimal` or `custom_unit_amount`.",
            code="parameter_missing",
            param=_named(param, "unit_amount"),
        )
    if exact.as_tuple().exponent < -DECIMAL_PLACES:  # type: ignore[operator]
        raise InvalidRequest(
            f"Invalid decimal: it can have up to {DECIMAL_PLACES} decimal places.",
            param=_named(param, "unit_amount_decimal"),
        )
    if not 0 <= exact <= 999_999_999_999:
        raise InvalidRequest(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=_named(param, "unit_amount"),
        )
    whole = exact == exact.to_integral_value()
    return (int(exact) if whole else None), format(
        exact.normalize() if not whole else exact.quantize(Decimal(1)), "f"
    )


def _recurring(form: Form, param: str) -> Json | None:
    given = form.get("recurring")
    if not given:
        return None
    _check_meter(given, param)
    count = given.get("interval_count", 1)
    longest = {"day": 1095, "week": 156, "month": 36, "year": 3}[given["interval"]]
    if not 1 <= count <= longest:
        raise InvalidRequest(
            f"The interval can be at most three years: {longest} {given['interval']}s.",
            param=_named(param, "recurring") + "[interval_count]",
        )
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": given.get("meter"),
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type", "licensed"),
    }


def _check_meter(recurring: Form, param: str) -> None:
    """:raises InvalidRequest: Usage without a meter, a meter without usage, or one that counts no more."""
    metered, meter_id = recurring.get("usage_type") == "metered", recurring.get("meter")
    named = _named(param, "recurring")
    if metered and not meter_id:
        raise InvalidRequest(
            "Metered prices must be backed by a meter: pass recurring[meter].",
            code="parameter_missing",
            param=f"{named}[meter]",
        )
    if not meter_id:
        return
    if not metered:
        raise InvalidRequest(
            "A meter can only be set where usage_type is `metered`.", param=f"{named}[usage_type]"
        )
    meter = store.named("billing.meter", meter_id, f"{named}[meter]")
    if meter["status"] != "active":
        raise InvalidRequest("This meter is inactive.", param=f"{named}[meter]")


def _check_tiers(form: Form, param: str) -> None:
    """:raises InvalidRequest: It is not said how they count, they do not rise, or they end."""
    if "tiers_mode" not in form:
        named = _named(param, "tiers_mode")
        raise InvalidRequest(f"Missing required param: {named}.", code="parameter_missing", param=named)
    *steps, last = [tier["up_to"] for tier in form["tiers"]]
    rising = "inf" not in steps and all(before < after for before, after in itertools.pairwise(steps))
    if last != "inf" or not rising:
        raise InvalidRequest(
            "The `up_to` of each tier must be more than the one before it, and the last one must be `inf`.",
            param=_named(param, "tiers"),
        )


def _tiers(form: Form) -> list[Json]:
    return [
        {
            "flat_amount": tier.get("flat_amount"),
            "flat_amount_decimal": _decimal(tier, "flat_amount"),
            "unit_amount": tier.get("unit_amount"),
            "unit_amount_decimal": _decimal(tier, "unit_amount"),
            "up_to": None if tier["up_to"] == "inf" else tier["up_to"],
        }
        for tier in form["tiers"]
    ]


def _decimal(tier: Json, key: str) -> str | None:
    value = tier.get(f"{key}_decimal", tier.get(key))
    return None if value is None else str(value)


def _custom(form: Form) -> Json | None:
    given = form.get("custom_unit_amount")
    if not given or not given.get("enabled"):
        return None
    return {key: given.get(key) for key in ("maximum", "minimum", "preset")}


def _named(param: str, key: str) -> str:
    return f"{param}[{key}]" if param else key
