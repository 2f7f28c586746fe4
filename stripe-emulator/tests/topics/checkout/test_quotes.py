"""An offer that becomes a subscription or an invoice."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import DAY, Shop, envelope


def a_quote(shop: Shop, price: str | None = None, **more: Any) -> stripe.Quote:
    line = {"price": price or shop.price(1500), "quantity": 10}
    form: Any = {"customer": shop.customer(), "line_items": [line], **more}
    return shop.v1.quotes.create(form)


def test_an_offer_that_is_accepted_begins_a_subscription(shop: Shop) -> None:
    quote = a_quote(shop, subscription_data={"metadata": {"a": "b"}})
    offered = shop.v1.quotes.finalize_quote(quote.id)
    accepted = shop.v1.quotes.accept(quote.id)
    subscription = shop.subscription(str(accepted.subscription))

    assert (quote.status, offered.status, accepted.status) == ("draft", "open", "accepted")
    assert quote.number is None
    assert str(offered.number).startswith("QT-")
    assert quote.amount_total == 15000
    assert quote.computed.recurring is not None
    assert (quote.computed.recurring.interval, quote.computed.recurring.amount_total) == ("month", 15000)
    assert subscription["items"].data[0].quantity == 10
    assert subscription.metadata.to_dict() == {"a": "b"}
    heard = [each for each in shop.listen() if each.startswith("quote.")]
    assert heard == ["quote.created", "quote.finalized", "quote.accepted"]


def test_an_offer_of_what_is_paid_once_becomes_an_invoice(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 10})
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    quote = a_quote(
        shop, shop.price(100, recurring=None), discounts=[{"coupon": coupon.id}], default_tax_rates=[rate.id]
    )
    shop.v1.quotes.finalize_quote(quote.id)
    accepted = shop.v1.quotes.accept(quote.id)
    invoice = shop.v1.invoices.retrieve(str(accepted.invoice))

    assert (quote.amount_subtotal, quote.amount_total) == (1000, 1080)
    assert quote.total_details.to_dict() == {"amount_discount": 100, "amount_shipping": 0, "amount_tax": 180}
    assert (invoice.status, invoice.total) == ("draft", 1080)
    assert invoice.parent is not None
    assert invoice.parent.quote_details is not None
    assert invoice.parent.quote_details.quote == quote.id


def test_a_draft_is_changed_and_listed(shop: Shop) -> None:
    quote = a_quote(shop)
    (line,) = shop.v1.quotes.line_items.list(quote.id).data
    changed = shop.v1.quotes.update(
        quote.id,
        {"line_items": [{"id": line.id, "quantity": 2}], "header": "For you", "metadata": {"a": "b"}},
    )

    assert (changed.amount_total, changed.header) == (3000, "For you")
    assert [each.id for each in shop.v1.quotes.list({"status": "draft"}).data] == [quote.id]
    assert len(shop.v1.quotes.computed_upfront_line_items.list(quote.id).data) == 1


def test_an_offer_ends_by_hand_or_in_time(shop: Shop) -> None:
    by_hand, in_time = a_quote(shop), a_quote(shop, expires_at=shop.emulator.now() + DAY)
    shop.v1.quotes.finalize_quote(in_time.id)
    shop.v1.quotes.cancel(by_hand.id)
    shop.advance(days=2)

    assert {shop.v1.quotes.retrieve(each.id).status for each in (by_hand, in_time)} == {"canceled"}
    with pytest.raises(stripe.InvalidRequestError, match="cannot accept"):
        shop.v1.quotes.accept(in_time.id)


def test_a_line_without_a_number_keeps_its_own_and_what_is_used_has_none(shop: Shop) -> None:
    meter = shop.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )
    used = shop.price(2, recurring={"interval": "month", "usage_type": "metered", "meter": meter.id})
    quote = a_quote(shop)
    (line,) = shop.v1.quotes.line_items.list(quote.id).data
    both: Any = [{"id": line.id}, {"price": used}]
    shop.v1.quotes.update(quote.id, {"line_items": both})
    shop.v1.quotes.finalize_quote(quote.id)
    accepted = shop.v1.quotes.accept(quote.id)

    lines = shop.v1.quotes.line_items.list(quote.id).data
    assert [(each.quantity, each.amount_total) for each in lines] == [(10, 15000), (None, 0)]
    assert {each.price.id for each in shop.subscription(str(accepted.subscription))["items"].data} == {
        used,
        line.price.id if line.price else None,
    }


def test_a_draft_expires_as_well(shop: Shop) -> None:
    soon = a_quote(shop, expires_at=shop.emulator.now() + DAY)
    later = a_quote(shop, expires_at=shop.emulator.now() + DAY)
    shop.v1.quotes.update(later.id, {"expires_at": shop.emulator.now() + 3 * DAY})
    shop.advance(days=2)

    assert shop.v1.quotes.retrieve(soon.id).status == "canceled"
    assert shop.v1.quotes.retrieve(later.id).status == "draft"


@pytest.mark.parametrize("away", [-100, 400])
def test_a_draft_of_nobody_lives_on_its_test_clock(shop: Shop, away: int) -> None:
    clocks, start = shop.v1.test_helpers.test_clocks, shop.emulator.now() + away * DAY
    clock = clocks.create({"frozen_time": start}).id
    line: Any = {"price": shop.price()}
    quote = shop.v1.quotes.create({"test_clock": clock, "line_items": [line]})
    soon = shop.v1.quotes.create({"test_clock": clock, "line_items": [line], "expires_at": start + 5 * DAY})
    shop.advance(days=40)
    before = shop.v1.quotes.retrieve(quote.id).status
    clocks.advance(clock, {"frozen_time": start + 6 * DAY})

    assert (quote.created, quote.expires_at) == (start, start + 30 * DAY)
    assert (before, shop.v1.quotes.retrieve(quote.id).status) == ("draft", "draft")
    assert shop.v1.quotes.retrieve(soon.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such test"):
        shop.v1.quotes.create({"test_clock": "clock_1"})


def test_a_quote_and_its_customer_live_on_one_clock(shop: Shop) -> None:
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": shop.emulator.now() + DAY}).id
    there, here = shop.v1.customers.create({"test_clock": clock}).id, shop.customer()
    nobodys = shop.v1.quotes.create({"test_clock": clock})
    refusals: Any = {
        "test_clock": lambda: shop.v1.quotes.create({"customer": here, "test_clock": clock}),
        "customer": lambda: shop.v1.quotes.update(nobodys.id, {"customer": here}),
    }
    for param, ask in refusals.items():
        with pytest.raises(stripe.StripeError, match="another test clock than its customer") as refused:
            ask()
        assert envelope(refused.value)["param"] == param

    assert shop.v1.quotes.update(nobodys.id, {"customer": there}).customer == there
    assert shop.v1.quotes.create({"customer": there, "test_clock": clock}).test_clock == clock


def test_a_customer_is_set_once(shop: Shop) -> None:
    jo, other = shop.customer(), shop.customer()
    quote = shop.v1.quotes.create({"line_items": [{"price": shop.price()}]})
    shop.v1.quotes.update(quote.id, {"customer": jo})
    shop.v1.quotes.finalize_quote(quote.id)
    revision = shop.v1.quotes.create({"from_quote": {"quote": quote.id, "is_revision": True}})

    with pytest.raises(stripe.InvalidRequestError, match="once it is set") as refused:
        shop.v1.quotes.update(revision.id, {"customer": other})

    assert refused.value.param == "customer"
    assert shop.v1.quotes.update(revision.id, {"customer": jo, "header": "Hi"}).customer == jo


def test_who_has_a_card_pays_what_was_accepted(shop: Shop) -> None:
    with_card, without = a_quote(shop), a_quote(shop, customer=shop.v1.customers.create({}).id)
    for quote, status, paid in ((with_card, "active", "paid"), (without, "incomplete", "open")):
        shop.v1.quotes.finalize_quote(quote.id)
        accepted = shop.v1.quotes.accept(quote.id)
        subscription = shop.subscription(str(accepted.subscription))
        invoice = shop.v1.invoices.retrieve(str(subscription.latest_invoice))

        assert (subscription.status, invoice.status, invoice.total) == (status, paid, 15000)


def test_a_revision_takes_the_place_of_what_it_revises(shop: Shop) -> None:
    quote = a_quote(shop, header="For you", metadata={"a": "b"})
    with pytest.raises(stripe.InvalidRequestError, match="cannot revise a quote that is draft"):
        shop.v1.quotes.create({"from_quote": {"quote": quote.id, "is_revision": True}})
    offered = shop.v1.quotes.finalize_quote(quote.id)
    revision = shop.v1.quotes.create({"from_quote": {"quote": quote.id, "is_revision": True}})
    (line,) = shop.v1.quotes.line_items.list(revision.id).data
    shop.v1.quotes.update(revision.id, {"line_items": [{"id": line.id, "quantity": 2}]})
    final = shop.v1.quotes.finalize_quote(revision.id)

    assert (revision.status, revision.number, revision.header) == ("draft", None, "For you")
    assert revision.metadata.to_dict() == {"a": "b"}
    assert revision.from_quote is not None
    assert (revision.from_quote.quote, revision.from_quote.is_revision) == (quote.id, True)
    assert (revision.amount_total, final.amount_total) == (15000, 3000)
    assert str(offered.number).endswith("-0001-1")
    assert final.number == str(offered.number)[:-1] + "2"
    assert shop.v1.quotes.retrieve(quote.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="revise a quote that is canceled"):
        shop.v1.quotes.create({"from_quote": {"quote": quote.id, "is_revision": True}})


def test_a_duplicate_is_an_offer_of_its_own(shop: Shop) -> None:
    quote = a_quote(shop)
    shop.v1.quotes.finalize_quote(quote.id)
    copy = shop.v1.quotes.create({"from_quote": {"quote": quote.id}})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.quotes.create({"from_quote": {"quote": quote.id}, "header": "Again"})
    with pytest.raises(stripe.InvalidRequestError, match="No such quote"):
        shop.v1.quotes.create({"from_quote": {"quote": "qt_1"}})
    numbered = shop.v1.quotes.finalize_quote(copy.id)

    assert refused.value.param == "header"
    assert str(numbered.number).endswith("-0002-1")
    assert shop.v1.quotes.retrieve(quote.id).status == "open"
    ids = {shop.v1.quotes.line_items.list(each).data[0].id for each in (quote.id, copy.id)}
    assert len(ids) == 2


def test_an_offer_needs_lines_and_a_customer(shop: Shop) -> None:
    for form, param in (({"customer": shop.customer()}, "line_items"), ({"line_items": []}, "line_items")):
        quote = shop.v1.quotes.create(form)  # type: ignore[arg-type]
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.quotes.finalize_quote(quote.id)
        assert refused.value.param == param
    nobodys = shop.v1.quotes.create({"line_items": [{"price": shop.price()}]})
    with pytest.raises(stripe.InvalidRequestError, match="needs a customer"):
        shop.v1.quotes.finalize_quote(nobodys.id)
    euros = shop.price(currency="eur")
    with pytest.raises(stripe.InvalidRequestError, match="same currency"):
        shop.v1.quotes.create({"line_items": [{"price": shop.price()}, {"price": euros}]})


def test_a_quote_of_two_intervals_begins_a_subscription_that_is_billed_flexibly(shop: Shop) -> None:
    yearly = shop.price(12000, recurring={"interval": "year"})
    form: Any = {
        "customer": shop.customer(),
        "line_items": [{"price": shop.price(1000)}, {"price": yearly}],
        "subscription_data": {"billing_mode": {"type": "classic"}},
    }
    with pytest.raises(stripe.InvalidRequestError, match="must have the same") as refused:
        shop.v1.quotes.create(form)
    del form["subscription_data"]
    quote = shop.v1.quotes.create(form)
    shop.v1.quotes.finalize_quote(quote.id)

    begun = shop.subscription(str(shop.v1.quotes.accept(quote.id).subscription))

    assert refused.value.param == "line_items"
    assert quote.computed.recurring is None
    assert (len(begun["items"].data), shop.latest(str(begun.customer)).amount_paid) == (2, 13000)


def test_an_update_leaves_how_a_quote_is_billed(shop: Shop) -> None:
    data: Any = {"billing_mode": {"type": "classic"}}
    quote = shop.v1.quotes.create({"line_items": [{"price": shop.price()}], "subscription_data": data})

    changed = shop.v1.quotes.update(quote.id, {"subscription_data": {"description": "Gold"}})

    assert changed.subscription_data.billing_mode.type == "classic"


def test_a_quote_is_downloaded_once_it_is_finalized(shop: Shop) -> None:
    line: Any = {"price": shop.price(900), "quantity": 3}
    quote = shop.v1.quotes.create({"customer": shop.customer(), "line_items": [line], "footer": "Net 30"})
    visitor, key = shop.emulator.browser(), {"Authorization": "Bearer sk_test_shop"}
    draft = visitor.get(f"/v1/quotes/{quote.id}/pdf", headers=key)
    assert (draft.status_code, draft.json and draft.json["error"]["param"]) == (400, "quote")
    shop.v1.quotes.finalize_quote(quote.id)

    file = visitor.get(f"/v1/quotes/{quote.id}/pdf", headers=key)

    assert (file.status_code, file.mimetype, file.data[:5]) == (200, "application/pdf", b"%PDF-")
    assert b"$27.00" in file.data
    assert visitor.get(f"/v1/quotes/{quote.id}/pdf").status_code == 401
    assert visitor.get("/v1/quotes/qt_1/pdf", headers=key).status_code == 404
