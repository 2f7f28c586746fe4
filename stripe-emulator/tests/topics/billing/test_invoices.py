"""Invoices by hand: items, finalizing, paying, voiding, sending, credit notes."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import DAY, Shop, day


def invoice_for(shop: Shop, customer: str, *amounts: int, **more: Any) -> str:
    invoice = shop.v1.invoices.create(cast(Any, {"customer": customer, **more}))
    for amount in amounts:
        shop.v1.invoice_items.create(
            {
                "customer": customer,
                "invoice": invoice.id,
                "amount": amount,
                "currency": "usd",
                "description": "Work",
            }
        )
    return invoice.id


def test_an_invoice_goes_from_draft_to_paid(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 1500, 500)
    draft = shop.v1.invoices.retrieve(name)
    before = len(shop.events())

    opened = shop.v1.invoices.finalize_invoice(name)
    paid = shop.v1.invoices.pay(name, {"expand": ["payments"]})

    assert (draft.status, draft.total, draft.number) == ("draft", 2000, None)
    assert (opened.status, opened.amount_remaining) == ("open", 2000)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 2000, 0)
    assert opened.number is not None
    assert opened.number.endswith("-0001")
    assert paid.payments is not None
    assert [(payment.status, payment.amount_paid) for payment in paid.payments.data] == [("paid", 2000)]
    assert shop.events_since(before) == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_items_that_wait_go_on_an_invoice_only_if_asked(shop: Shop) -> None:
    customer = shop.customer()
    item = shop.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd"})

    empty = shop.v1.invoices.create({"customer": customer})
    full = shop.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})

    assert (empty.total, full.total) == (0, 700)
    assert shop.v1.invoice_items.retrieve(item.id).invoice == full.id
    assert shop.v1.invoice_items.list({"pending": True}).data == []


def test_an_item_can_be_changed_and_deleted_until_its_invoice_is_final(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 1000, 300)
    first, second = shop.v1.invoice_items.list({"invoice": name}).data[::-1]

    shop.v1.invoice_items.update(first.id, {"amount": 800, "description": "Less work"})
    shop.v1.invoice_items.delete(second.id)
    total = shop.v1.invoices.finalize_invoice(name).total

    assert total == 800
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoice_items.update(first.id, {"amount": 1})
    assert refused.value.code == "invoice_not_editable"


def test_a_draft_can_be_deleted_and_nothing_else(shop: Shop) -> None:
    customer = shop.customer()
    draft, final = invoice_for(shop, customer, 500), invoice_for(shop, customer, 500)
    shop.v1.invoices.finalize_invoice(final)

    assert shop.v1.invoices.delete(draft).deleted is True

    with pytest.raises(stripe.InvalidRequestError, match="only delete draft invoices"):
        shop.v1.invoices.delete(final)
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
        shop.v1.invoices.retrieve(draft)
    assert {"invoice.deleted", "invoiceitem.deleted"} <= set(shop.events())


VERBS = ("finalize_invoice", "pay", "void_invoice", "mark_uncollectible")
ALLOWED = {
    ("draft", "finalize_invoice"): "open",
    ("draft", "pay"): "paid",
    ("open", "pay"): "paid",
    ("open", "void_invoice"): "void",
    ("open", "mark_uncollectible"): "uncollectible",
    ("uncollectible", "pay"): "paid",
    ("uncollectible", "void_invoice"): "void",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", ["draft", "open", "paid", "void", "uncollectible"])
def test_each_move_is_made_or_refused(shop: Shop, state: str, verb: str) -> None:
    name = invoice_for(shop, shop.customer(), 500)
    ways = {"open": [0], "paid": [0, 1], "void": [0, 2], "uncollectible": [0, 3]}
    for step in ways.get(state, []):
        getattr(shop.v1.invoices, VERBS[step])(name)

    if (state, verb) in ALLOWED:
        assert getattr(shop.v1.invoices, verb)(name).status == ALLOWED[state, verb]
    else:
        with pytest.raises(stripe.InvalidRequestError):
            getattr(shop.v1.invoices, verb)(name)
        assert shop.v1.invoices.retrieve(name).status == state


def test_a_declined_payment_is_an_error_and_leaves_the_invoice_open(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    name = invoice_for(shop, customer, 500)

    with pytest.raises(stripe.CardError) as declined:
        shop.v1.invoices.pay(name)

    invoice = shop.v1.invoices.retrieve(name)
    assert declined.value.code == "card_declined"
    assert (invoice.status, invoice.attempted, invoice.attempt_count) == ("open", True, 1)
    assert "invoice.payment_failed" in shop.events()

    shop.v1.invoices.pay(name, {"payment_method": shop.give_card(customer)})
    assert shop.v1.invoices.retrieve(name).status == "paid"


def test_without_a_card_an_invoice_cannot_be_paid(shop: Shop) -> None:
    name = invoice_for(shop, shop.customer(None), 500)

    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.v1.invoices.pay(name)

    assert shop.v1.invoices.retrieve(name).status == "draft"


def test_an_invoice_is_sent_and_paid_elsewhere(shop: Shop) -> None:
    customer = shop.customer(None)
    name = invoice_for(shop, customer, 500, collection_method="send_invoice", days_until_due=10)

    sent = shop.v1.invoices.send_invoice(name)
    shop.advance(days=11)
    paid = shop.v1.invoices.pay(name, {"paid_out_of_band": True})

    assert (sent.status, day(sent.due_date or 0)) == ("open", "2026-02-10")
    assert {"invoice.sent", "invoice.overdue"} <= set(shop.events())
    assert paid.status == "paid"
    assert shop.v1.charges.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="collection method"):
        shop.v1.invoices.send_invoice(invoice_for(shop, customer, 500))


def test_with_auto_advance_an_hour_later_it_is_collected(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 500, auto_advance=True)

    shop.advance(minutes=59)
    assert shop.v1.invoices.retrieve(name).status == "draft"
    shop.advance(minutes=2)

    assert shop.v1.invoices.retrieve(name).status == "paid"


def test_what_is_too_little_to_charge_waits_on_the_balance(shop: Shop) -> None:
    customer = shop.customer()

    little = shop.v1.invoices.pay(invoice_for(shop, customer, 30))
    enough = shop.v1.invoices.pay(invoice_for(shop, customer, 100))

    assert (little.status, little.amount_due, little.ending_balance) == ("paid", 0, 30)
    assert (enough.amount_due, enough.starting_balance, enough.ending_balance) == (130, 30, 0)


def test_credit_given_by_hand_pays_first(shop: Shop) -> None:
    customer = shop.customer()
    shop.v1.customers.balance_transactions.create(
        customer, {"amount": -800, "currency": "usd", "description": "Sorry"}
    )

    invoice = shop.v1.invoices.pay(invoice_for(shop, customer, 1000))

    assert (invoice.amount_due, invoice.amount_paid) == (200, 200)
    assert shop.v1.customers.retrieve(customer).balance == 0
    shop.v1.invoices.finalize_invoice(invoice_for(shop, customer, 300))
    assert shop.latest(customer).amount_due == 300


def test_voiding_gives_used_credit_back(shop: Shop) -> None:
    customer = shop.customer()
    shop.v1.customers.balance_transactions.create(customer, {"amount": -800, "currency": "usd"})
    name = invoice_for(shop, customer, 1000)
    shop.v1.invoices.finalize_invoice(name)
    assert shop.v1.customers.retrieve(customer).balance == 0

    shop.v1.invoices.void_invoice(name)

    assert shop.v1.customers.retrieve(customer).balance == -800
    assert "payment_intent.canceled" in shop.events()


def test_a_credit_note_makes_an_open_invoice_smaller(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 1000)
    shop.v1.invoices.finalize_invoice(name)

    note = shop.v1.credit_notes.create({"invoice": name, "amount": 300, "reason": "order_change"})
    other = shop.v1.credit_notes.create({"invoice": name, "amount": 100})
    shop.v1.credit_notes.void_credit_note(other.id)
    paid = shop.v1.invoices.pay(name)

    assert (note.type, note.number) == ("pre_payment", f"{paid.number}-CN-01")
    assert (paid.amount_paid, paid.pre_payment_credit_notes_amount) == (700, 300)
    assert shop.v1.charges.list().data[0].amount == 700
    with pytest.raises(stripe.InvalidRequestError, match="Only credit notes of open invoices"):
        shop.v1.credit_notes.void_credit_note(note.id)


def test_a_credit_note_gives_back_of_a_paid_invoice_by_card_and_balance(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 1000)
    line = shop.v1.invoices.pay(name).lines.data[0].id

    form = {
        "invoice": name,
        "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "quantity": 1}],
        "refund_amount": 600,
        "credit_amount": 400,
    }
    preview = shop.v1.credit_notes.preview(cast(Any, form))
    note = shop.v1.credit_notes.create(cast(Any, form))

    assert (preview.amount, note.amount, note.post_payment_amount) == (1000, 1000, 1000)
    assert shop.v1.customers.retrieve(customer).balance == -400
    assert [refund.amount for refund in shop.v1.refunds.list().data] == [600]
    assert len(shop.v1.credit_notes.list({"invoice": name}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="not more than what can be credited"):
        shop.v1.credit_notes.create({"invoice": name, "amount": 1, "credit_amount": 1})


def test_an_invoice_that_is_more_than_can_be_charged_fails_to_finalize_by_itself(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 100_000_000, auto_advance=True)

    shop.advance(hours=2)

    invoice = shop.v1.invoices.retrieve(name)
    assert invoice.status == "draft"
    assert invoice.last_finalization_error is not None
    assert invoice.last_finalization_error.code == "amount_too_large"
    assert "invoice.finalization_failed" in shop.events()


def test_lines_and_searches_have_their_pages(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 100, 200, 300)

    first = shop.v1.invoices.line_items.list(name, {"limit": 2})
    rest = shop.v1.invoices.line_items.list(name, {"starting_after": first.data[-1].id})
    result = shop.v1.invoices.search({"query": f'customer:"{customer}" AND status:"draft"'})

    assert [line.amount for line in first.data] == [100, 200]
    assert (first.has_more, [line.amount for line in rest.data]) == (True, [300])
    assert [invoice.id for invoice in result.data] == [name]


def test_a_credit_note_of_a_paid_invoice_says_where_the_money_goes_and_takes_its_tax_along(
    shop: Shop,
) -> None:
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False}).id
    subscription = shop.subscribe(shop.customer(), shop.price(3000), default_tax_rates=[rate])
    invoice = shop.v1.invoices.retrieve(str(subscription.latest_invoice))
    line: Any = {
        "type": "invoice_line_item",
        "invoice_line_item": invoice.lines.data[0].id,
        "amount": 1000,
    }

    with pytest.raises(stripe.InvalidRequestError, match=r"must equal the credit note's amount \(1190\)"):
        shop.v1.credit_notes.create({"invoice": str(invoice.id), "lines": [line]})
    note = shop.v1.credit_notes.create({"invoice": str(invoice.id), "lines": [line], "refund_amount": 1190})

    assert (note.total, note.subtotal, note.total_excluding_tax) == (1190, 1000, 1000)
    assert [tax.amount for tax in note.total_taxes or []] == [190]
    assert note.refunds[0].amount_refunded == 1190


def test_an_open_invoice_has_nothing_to_give_back(shop: Shop) -> None:
    customer = shop.customer(card=None)
    shop.v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "usd"})
    invoice = shop.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    shop.v1.invoices.finalize_invoice(str(invoice.id))

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.credit_notes.create({"invoice": str(invoice.id), "amount": 100, "refund_amount": 100})

    assert refused.value.param == "refund_amount"


def test_a_draft_can_name_the_moment_that_finalizes_it(shop: Shop) -> None:
    customer = shop.customer()
    shop.v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "usd"})
    when = shop.emulator.now() + 3 * DAY
    invoice = shop.v1.invoices.create(
        {
            "customer": customer,
            "pending_invoice_items_behavior": "include",
            "auto_advance": True,
            "automatically_finalizes_at": when,
        }
    )
    shop.advance(days=2)
    waiting = shop.latest(customer)
    shop.advance(days=1, hours=2)

    assert invoice.automatically_finalizes_at == when
    assert (waiting.status, shop.latest(customer).status) == ("draft", "paid")


def test_what_a_customers_invoices_always_say_is_on_each(shop: Shop) -> None:
    settings = {"footer": "Thank you.", "custom_fields": [{"name": "PO", "value": "17"}]}
    customer = shop.customer()
    shop.v1.customers.update(customer, cast(Any, {"invoice_settings": settings}))

    shop.subscribe(customer, shop.price())

    invoice = shop.latest(customer)
    assert invoice.footer == "Thank you."
    assert [(field.name, field.value) for field in invoice.custom_fields or []] == [("PO", "17")]


def test_days_until_due_are_for_invoices_that_are_sent(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="send_invoice"):
        shop.subscribe(shop.customer(), shop.price(), days_until_due=5)


def paid_elsewhere(shop: Shop, customer: str, amount: int) -> str:
    """A payment that was made by itself; the id of its PaymentIntent."""
    intent = shop.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": customer,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    return intent.id


def test_an_invoice_is_paid_in_parts(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 1000)
    shop.v1.invoices.finalize_invoice(name)
    parts = [paid_elsewhere(shop, customer, amount) for amount in (250, 350)]

    halfway = [shop.v1.invoices.attach_payment(name, {"payment_intent": part}) for part in parts][-1]
    assert (halfway.status, halfway.amount_paid, halfway.amount_remaining) == ("open", 600, 400)
    paid = shop.v1.invoices.pay(name)

    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1000, 0)
    made = shop.v1.invoice_payments.list({"invoice": name}).data
    assert sorted((each.status, each.amount_paid) for each in made) == [
        ("paid", 250),
        ("paid", 350),
        ("paid", 400),
    ]
    assert sorted(charge.amount for charge in shop.v1.charges.list().data) == [250, 350, 400]


def test_a_payment_made_elsewhere_pays_the_invoice_that_it_is_attached_to(shop: Shop) -> None:
    customer = shop.customer()
    name = invoice_for(shop, customer, 1000)
    shop.v1.invoices.finalize_invoice(name)
    payment = paid_elsewhere(shop, customer, 1000)

    paid = shop.v1.invoices.attach_payment(name, {"payment_intent": payment})

    made = shop.v1.invoice_payments.list({"invoice": name}).data
    assert (paid.status, paid.amount_paid) == ("paid", 1000)
    assert {(payment.is_default, payment.status) for payment in made} == {(True, "canceled"), (False, "paid")}


def test_an_open_invoice_in_a_file_of_an_earlier_commit_is_paid_or_taken_back(shop: Shop) -> None:
    customer = shop.customer()
    pays, voids = invoice_for(shop, customer, 1500), invoice_for(shop, customer, 700)
    for name in (pays, voids):
        shop.v1.invoices.finalize_invoice(name)
    shop.forget("invoice", "_default_payment")

    paid = shop.v1.invoices.pay(pays)
    voided = shop.v1.invoices.void_invoice(voids)

    assert (paid.status, paid.amount_paid, voided.status) == ("paid", 1500, "void")
    intents = {intent.amount: intent.status for intent in shop.v1.payment_intents.list().data}
    assert intents == {1500: "succeeded", 700: "canceled"}
