"""The discounts and the tax rates in a total, shown where ``total_details.breakdown`` is expanded."""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public


def of(seller: Json, wanted: list[Json], redeemed: list[Json]) -> Json:
    """The breakdown of a session or a quote.

    :param wanted: Its discounts as they were asked for, in the order in which they were taken off.
    :param redeemed: The discounts that were made of them, if it was paid or accepted.
    """
    lines = seller["_lines"]
    amounts = [sum(line["_cuts"][number] for line in lines if line["_cuts"]) for number in range(len(wanted))]
    shipping = {"_taxes": seller.get("_shipping_taxes") or []}
    return {"discounts": _discounts(seller, wanted, redeemed, amounts), "taxes": taxes([*lines, shipping])}


def of_line(line: Json, sellers: tuple[str, ...]) -> Json:
    """The discounts and the taxes in one line.

    :param sellers: Kinds of objects that have such lines.
    """
    marks = ", ".join("?" * len(sellers))
    sql = f"SELECT kind, id FROM object WHERE kind IN ({marks}) AND instr(body, ?)"
    transactions.current().flush()
    row = transactions.current().execute(sql, (*sellers, f'"{line["id"]}"')).fetchone()
    if row is None:
        return {"discounts": [], "taxes": []}
    seller = store.get(*row)
    whole = next(each for each in seller["_lines"] if each["id"] == line["id"])
    wanted = seller.get("_wanted") or seller.get("discounts") or []
    cuts = whole["_cuts"] or [0] * len(wanted)
    return {
        "discounts": [each for each in _discounts(seller, wanted, [], cuts) if each["amount"]],
        "taxes": taxes([whole]),
    }


def taxes(lines: list[Json]) -> list[Json]:
    """What each tax rate takes of some lines."""
    return [_tax(rate_id, lines) for rate_id in _rates(lines)]


def _discounts(seller: Json, wanted: list[Json], redeemed: list[Json], amounts: list[int]) -> list[Json]:
    shown = redeemed or [_to_be(seller, form, number) for number, form in enumerate(wanted)]
    return [
        {"amount": amount, "discount": public(discount)}
        for amount, discount in zip(amounts, shown, strict=False)
    ]


def _rates(lines: list[Json]) -> list[str]:
    return list(dict.fromkeys(tax["rate"] for line in lines for tax in line["_taxes"]))


def _tax(rate_id: str, lines: list[Json]) -> Json:
    taxes = [tax for line in lines for tax in line["_taxes"] if tax["rate"] == rate_id]
    return {
        "amount": sum(tax["amount"] for tax in taxes),
        "rate": public(store.get("tax_rate", rate_id)),
        "taxability_reason": taxes[0].get("reason"),
        "taxable_amount": sum(tax["taxable"] for tax in taxes),
    }


def _to_be(seller: Json, form: Json, number: int) -> Json:
    """The discount that will be made once somebody pays."""
    coupon = form.get("coupon")
    if form.get("promotion_code"):
        coupon = store.get("promotion_code", form["promotion_code"])["promotion"]["coupon"]
    return contract.blank("discount") | {
        "id": f"di_{number}{seller['id'][-23:]}",
        "object": "discount",
        "checkout_session": seller["id"] if seller["object"] == "checkout.session" else None,
        "customer": seller["customer"],
        "promotion_code": form.get("promotion_code"),
        "source": {"coupon": coupon, "type": "coupon"},
        "start": seller["created"],
    }
