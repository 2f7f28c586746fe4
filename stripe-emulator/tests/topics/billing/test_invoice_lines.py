"""Lines of a draft, added, changed and removed several at once."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop


def a_draft(shop: Shop, customer: str | None = None) -> str:
    return str(shop.v1.invoices.create({"customer": customer or shop.customer(), "currency": "usd"}).id)


def add(shop: Shop, draft: str, *lines: Any) -> stripe.Invoice:
    return shop.v1.invoices.add_lines(draft, {"lines": list(lines)})


def test_lines_are_added_with_their_taxes_and_from_what_waits(shop: Shop) -> None:
    customer = shop.customer()
    draft = a_draft(shop, customer)
    waiting = shop.v1.invoice_items.create({"customer": customer, "amount": 300, "currency": "usd"})
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    added = shop.v1.invoices.add_lines(
        draft,
        {
            "lines": [
                {"amount": 500, "description": "Work", "tax_rates": [rate.id]},
                {"pricing": {"price": shop.price(200, recurring=None)}, "quantity": 2},
                {"invoice_item": waiting.id},
            ],
            "invoice_metadata": {"a": "b"},
        },
    )

    assert [line.amount for line in added.lines.data] == [500, 400, 300]
    assert (added.subtotal, added.total) == (1200, 1300)
    assert added.metadata is not None
    assert added.metadata.to_dict() == {"a": "b"}
    assert shop.v1.invoice_items.retrieve(waiting.id).invoice == draft
    assert "invoice.updated" in shop.events()


def test_lines_are_changed_and_removed(shop: Shop) -> None:
    draft = a_draft(shop)
    first, second, third = add(shop, draft, {"amount": 1}, {"amount": 2}, {"amount": 3}).lines.data
    shop.v1.invoices.update_lines(draft, {"lines": [{"id": first.id, "amount": 100, "description": "Work"}]})
    changed = shop.v1.invoices.line_items.update(draft, second.id, {"amount": 200})
    after = shop.v1.invoices.remove_lines(
        draft, {"lines": [{"id": third.id, "behavior": "unassign"}, {"id": second.id, "behavior": "delete"}]}
    )

    assert changed.amount == 200
    assert [(line.amount, line.description) for line in after.lines.data] == [(100, "Work")]
    assert after.total == 100
    pending = shop.v1.invoice_items.list({"pending": True}).data
    assert [item.amount for item in pending] == [3]


def test_lines_of_a_final_invoice_or_of_nowhere_are_refused(shop: Shop) -> None:
    draft = a_draft(shop)
    with pytest.raises(stripe.InvalidRequestError, match="No such line item"):
        shop.v1.invoices.remove_lines(draft, {"lines": [{"id": "il_0", "behavior": "delete"}]})
    other = shop.v1.invoice_items.create({"customer": shop.customer(), "amount": 3, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="another customer"):
        add(shop, draft, {"invoice_item": other.id})
    add(shop, draft, {"amount": 500})
    shop.v1.invoices.finalize_invoice(draft)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        add(shop, draft, {"amount": 500})
    assert refused.value.code == "invoice_not_editable"


def test_lines_of_a_period_stay(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer, shop.price())
    shop.advance(months=1)
    draft = shop.latest(customer)
    (line,) = draft.lines.data
    changed = shop.v1.invoices.update_lines(
        str(draft.id), {"lines": [{"id": line.id, "description": "Gold"}]}
    )

    assert changed.lines.data[0].description == "Gold"
    with pytest.raises(stripe.InvalidRequestError, match="can't be removed"):
        shop.v1.invoices.remove_lines(str(draft.id), {"lines": [{"id": line.id, "behavior": "delete"}]})


def test_an_invoice_takes_no_item_of_another_currency(shop: Shop) -> None:
    invoice = shop.v1.invoices.create({"customer": shop.customer(), "currency": "usd"})
    item: Any = {"customer": invoice.customer, "invoice": invoice.id, "amount": 900, "currency": "eur"}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoice_items.create(item)

    assert refused.value.param == "currency"
    assert shop.v1.invoices.retrieve(str(invoice.id)).total == 0
