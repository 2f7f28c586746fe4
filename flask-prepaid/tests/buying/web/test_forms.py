"""What a browser sends is read once, and each error names its field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.ctx import RequestContext

from flask_prepaid.errors import NotYours, UnknownItem
from flask_prepaid.web import forms

NONSENSE = ("", " ", "ten", "1e9", "-1", "1.5", "٣", "²", "0x10", "9" * 13)


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("credits", "number of credits"),
        ("quantity", "times you want the plan"),
        ("threshold", "how many credits to top up"),
        ("times", "times a month"),
        ("proration_date", "This preview has lost its time"),
        ("due_minor", "This preview has lost its amount"),
    ],
)
def test_what_is_no_whole_number_is_asked_for_in_the_words_of_its_field(
    name: str, words: str, text: str
) -> None:
    with pytest.raises(UnknownItem, match=words) as refused:
        forms.whole_number({name: text}, name)

    assert refused.value.field == name


@pytest.mark.parametrize(("text", "number"), [("10", 10), (" 7 ", 7), ("0", 0), ("007", 7)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert forms.whole_number({"credits": text}, "credits") == number


@pytest.mark.parametrize(("fields", "quantity"), [({}, 1), ({"quantity": ""}, 1), ({"quantity": "3"}, 3)])
def test_a_plan_is_wanted_once_where_nothing_is_said(fields: Mapping[str, str], quantity: int) -> None:
    assert forms.quantity(fields) == quantity


@pytest.mark.parametrize(("text", "number"), [("17", 17), ("²", None), ("", None), ("9" * 19, None)])
def test_the_number_of_a_row_is_read_or_is_none(text: str, number: int | None) -> None:
    assert forms.row_id(text) == number


def test_what_is_no_number_of_a_payment_does_not_exist() -> None:
    with pytest.raises(NotYours):
        forms.payment_id("²")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.50", "usd", 1_250), ("1,234.5", "usd", 123_450), ("700", "jpy", 700), ("1.250", "kwd", 1_250)],
)
def test_an_amount_is_read_in_its_currency(text: str, currency: str, minor: int) -> None:
    with sent(amount=text):
        assert forms.amount_minor(currency, example_minor=500) == minor


@pytest.mark.parametrize("text", ["", "0", "-5", "1.005", "five", "NaN", "Infinity", "1e400", "٣", "9" * 21])
def test_what_is_no_amount_is_asked_for_with_an_example(text: str) -> None:
    with sent(amount=text), pytest.raises(UnknownItem, match=r"such as 5\.00") as refused:
        forms.amount_minor("usd", example_minor=500)

    assert refused.value.field == "amount"


@pytest.mark.parametrize(
    ("month", "year"), [("0", "2030"), ("13", "2030"), ("1", "30"), ("x", "2030"), ("", "")]
)
def test_an_expiry_that_no_card_has_is_asked_for(month: str, year: str) -> None:
    with sent(exp_month=month, exp_year=year), pytest.raises(UnknownItem, match="four digits"):
        forms.expiry(datetime(2026, 11, 28, tzinfo=UTC))


def sent(**fields: str) -> RequestContext:
    """A request whose form has these fields."""
    return Flask("forms").test_request_context(method="POST", data=fields)
