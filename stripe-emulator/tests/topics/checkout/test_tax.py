"""Tax for whoever makes their own checkout: calculated, owed once sold, no longer owed once given back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop, envelope

BERLIN: Any = {"address": {"country": "DE", "postal_code": "10115"}, "address_source": "shipping"}


def rate(shop: Shop, percentage: float, **more: Any) -> str:
    form: Any = {
        "display_name": "VAT",
        "percentage": percentage,
        "inclusive": False,
        "tax_type": "vat",
        **more,
    }
    return shop.v1.tax_rates.create(form).id


def test_an_order_is_taxed_sold_and_given_back(shop: Shop) -> None:
    rate(shop, 19, country="DE")
    tax = shop.v1.tax
    calculation = tax.calculations.create(
        {
            "currency": "eur",
            "customer_details": BERLIN,
            "line_items": [
                {"amount": 1000, "reference": "pen"},
                {"amount": 1190, "reference": "book", "tax_behavior": "inclusive"},
                {"amount": 500, "reference": "gift", "tax_code": "txcd_00000000"},
            ],
            "shipping_cost": {"amount": 300},
            "expand": ["line_items.data.tax_breakdown"],
        }
    )
    sums = (calculation.amount_total, calculation.tax_amount_exclusive, calculation.tax_amount_inclusive)
    assert sums == (1000 + 1190 + 500 + 300 + 247, 247, 190)
    reasons = [
        (each.taxability_reason, each.amount, each.taxable_amount) for each in calculation.tax_breakdown
    ]
    assert reasons == [("standard_rated", 247, 1300), ("standard_rated", 190, 1000), ("product_exempt", 0, 0)]
    assert calculation.tax_breakdown[0].tax_rate_details.percentage_decimal == "19.0"
    assert calculation.line_items is not None
    breakdown = calculation.line_items.data[0].tax_breakdown
    assert breakdown is not None
    assert breakdown[0].jurisdiction.country == "DE"
    assert calculation.shipping_cost is not None
    assert calculation.shipping_cost.amount_tax == 57

    name = str(calculation.id)
    sold = tax.transactions.create_from_calculation({"calculation": name, "reference": "order_1"})
    assert sold.line_items is not None
    pen, _, gift = sold.line_items.data
    assert [pen.amount_tax, gift.amount_tax] == [190, 0]
    part: Any = {"original_line_item": pen.id, "amount": -500, "amount_tax": -95, "reference": "half a pen"}
    back = tax.transactions.create_reversal(
        {"mode": "partial", "original_transaction": sold.id, "reference": "refund_1", "line_items": [part]}
    )
    with pytest.raises(stripe.InvalidRequestError, match="what is left of 500"):
        tax.transactions.create_reversal(
            {
                "mode": "partial",
                "original_transaction": sold.id,
                "reference": "too much",
                "line_items": [part | {"amount": -600, "reference": "more than half"}],
            }
        )
    all_back = tax.transactions.create_reversal(
        {"mode": "full", "original_transaction": sold.id, "reference": "refund_2"}
    )

    for _ in ("now", "in a file of an earlier commit"):
        with pytest.raises(stripe.InvalidRequestError, match="already been fully reversed"):
            tax.transactions.create_reversal(
                {"mode": "full", "original_transaction": sold.id, "reference": "again"}
            )
        shop.forget("tax.transaction", "_whole")

    assert back.reversal is not None
    assert back.reversal.original_transaction == sold.id
    assert [line.amount_tax for line in tax.transactions.line_items.list(back.id).data] == [-95]
    assert all_back.shipping_cost is not None
    assert (all_back.shipping_cost.amount, all_back.shipping_cost.amount_tax) == (-300, -57)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        tax.transactions.create_from_calculation({"calculation": name, "reference": "order_1"})
    assert envelope(refused.value)["param"] == "reference"
    shop.advance(days=91)
    with pytest.raises(stripe.InvalidRequestError) as gone:
        tax.calculations.retrieve(name)
    assert gone.value.http_status == 404


def test_who_buys_and_where_decides(shop: Shop) -> None:
    rate(shop, 7, country="US")
    rate(shop, 3, country="US", state="NY")
    line: Any = [{"amount": 1000}]

    def taxed(**more: Any) -> tuple[int, str]:
        made = shop.v1.tax.calculations.create({"currency": "usd", "line_items": line, **more})  # type: ignore[typeddict-item]
        return made.tax_amount_exclusive, made.tax_breakdown[0].taxability_reason

    there: Any = {"country": "US", "postal_code": "94103", "state": "CA"}
    business: Any = {"address": there, "taxability_override": "reverse_charge"}
    exempt = shop.customer(address=there, tax_exempt="exempt")
    assert taxed(customer_details={"address": there, "address_source": "billing"}) == (70, "standard_rated")
    assert taxed(customer_details={"address": {**there, "state": "NY"}}) == (100, "standard_rated")
    assert taxed(customer_details={"address": {"country": "FR"}}) == (0, "not_collecting")
    assert taxed(customer_details=business) == (0, "reverse_charge")
    assert taxed(customer=exempt) == (0, "customer_exempt")


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"customer_details": {"address": {"country": "US"}}}, "customer_tax_location_invalid", None),
        ({"customer_details": {"address": {"country": "Ü1"}}}, "country_code_invalid", None),
        ({}, None, "customer_details"),
        ({"customer_details": BERLIN, "line_items": [{"amount": -1}]}, None, "line_items[0][amount]"),
        ({"customer_details": BERLIN, "tax_date": 1}, None, "tax_date"),
        ({"customer_details": BERLIN, "shipping_cost": {"tax_code": "txcd_1"}}, None, "shipping_cost"),
        (
            {"customer_details": BERLIN, "line_items": [{"amount": 1, "tax_code": "food"}]},
            "resource_missing",
            "line_items[0][tax_code]",
        ),
    ],
)
def test_what_can_not_be_taxed_is_refused(shop: Shop, form: Any, code: str | None, param: str | None) -> None:
    whole: Any = {"currency": "eur", "line_items": [{"amount": 1000}], **form}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.tax.calculations.create(whole)

    assert code in (None, refused.value.code)
    assert param in (None, envelope(refused.value)["param"])


def test_settings_and_codes(shop: Shop) -> None:
    settings = shop.v1.tax.settings
    assert settings.retrieve().status == "active"
    rate(shop, 10, country="US")

    office: Any = {"address": {"country": "DE", "city": "Bonn"}}
    settings.update({"defaults": {"tax_behavior": "inclusive"}, "head_office": office})

    kept = settings.retrieve()
    assert kept.head_office is not None
    assert (kept.defaults.tax_behavior, kept.head_office.address.city) == ("inclusive", "Bonn")
    assert shop.listen() == ["tax_rate.created", "tax.settings.updated"]
    details: Any = {"address": {"country": "US", "postal_code": "94103"}}
    made = shop.v1.tax.calculations.create(
        {"currency": "usd", "line_items": [{"amount": 1100}], "customer_details": details}
    )
    assert (made.amount_total, made.tax_amount_inclusive) == (1100, 100)
    assert shop.v1.tax_codes.retrieve("txcd_99999999").name == "General - Tangible Goods"
    assert "txcd_10103001" in [code.id for code in shop.v1.tax_codes.list({"limit": 100}).data]


def test_a_customer_is_where_their_address_says(shop: Shop) -> None:
    rate(shop, 19, country="DE")

    def known(**form: Any) -> Any:
        made = shop.v1.customers.create(form)  # type: ignore[arg-type]
        return shop.v1.customers.retrieve(made.id, {"expand": ["tax"]}).tax

    german = known(address={"country": "FR"}, shipping={"name": "Jo", "address": {"country": "DE"}})
    assert (german.automatic_tax, german.location.source) == ("supported", "shipping_destination")
    assert known(address={"country": "FR"}).automatic_tax == "not_collecting"
    nowhere = known(tax={"ip_address": "198.51.100.7"})
    assert (nowhere.automatic_tax, nowhere.ip_address) == ("unrecognized_location", "198.51.100.7")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        known(tax={"validate_location": "immediately"})
    assert refused.value.code == "customer_tax_location_invalid"
