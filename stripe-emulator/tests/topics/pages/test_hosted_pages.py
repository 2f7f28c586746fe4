"""The pages as a browser without JavaScript uses them: plain forms, redirects, links."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from stripe import InvalidRequestError
from werkzeug.test import Client, TestResponse

from stripe_emulator import Emulator

CARD = {"card_expiry": "12/34", "card_cvc": "123", "name": "Jenny Rosen"}
VISA, DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0002"
ASKS, ASKS_ONCE = "4000 0027 6000 3184", "4000 0025 0000 3155"


def session(stripe: Any, **params: Any) -> Any:
    line = {
        "quantity": 2,
        "price_data": {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Starter pack"}},
    }
    form = {
        "mode": "payment",
        "success_url": "https://shop.example/thanks?id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/cart",
        "line_items": [line],
    }
    return stripe.checkout.sessions.create(form | params)


def alert(page: TestResponse) -> str:
    """What stands in the page's alert."""
    alert_text = re.search(r'role="alert">([^<]+)<', page.text)
    assert alert_text is not None, page.text
    return html.unescape(alert_text[1])


# Checkout.


def test_a_form_pays_and_leads_on_to_the_shop(stripe: Any, visitor: Client) -> None:
    order = session(stripe)
    form = {"email": "jenny@example.com", "card_number": VISA, **CARD}

    paid = visitor.post(f"/pay/{order.id}", data=form)

    assert (paid.status_code, paid.location) == (303, f"https://shop.example/thanks?id={order.id}")
    assert stripe.checkout.sessions.retrieve(order.id).payment_status == "paid"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "jenny", "Enter an email address, such as jenny@example.com."),
        (
            "card_number",
            "4242 4242 4242 4241",
            "Your card number is invalid. In test mode, try 4242 4242 4242 4242.",
        ),
        ("card_number", DECLINED, "Your card was declined."),
        ("card_expiry", "never", "Your card's expiration date is incomplete."),
        ("card_expiry", "01/20", "Your card's expiration date is in the past."),
        ("card_expiry", "13/34", "Your card's expiration month is invalid."),
        ("card_cvc", "12", "Your card's security code is incomplete."),
    ],
)
def test_a_mistake_is_shown_at_its_field_and_what_was_typed_stays(
    stripe: Any, visitor: Client, field: str, value: str, message: str
) -> None:
    order = session(stripe)
    form = {"email": "jenny@example.com", "card_number": VISA, **CARD, field: value}

    page = visitor.post(f"/pay/{order.id}", data=form)

    assert page.status_code in (402, 422)
    assert alert(page) == message
    assert page.text.count('role="alert"') == 1, "it stands at the field, and nowhere else"
    wrong = re.search(r'<input id="(\w+)"[^>]*aria-invalid="true"', page.text)
    assert wrong is not None
    assert wrong[1] == field
    assert f'value="{value}"' in page.text
    assert stripe.checkout.sessions.retrieve(order.id).status == "open"


def test_every_field_that_is_wrong_says_so_at_once(stripe: Any, visitor: Client) -> None:
    """One form, read as a whole: nobody corrects a field only to hear of the next one."""
    order = session(stripe, billing_address_collection="required", phone_number_collection={"enabled": True})

    page = visitor.post(f"/pay/{order.id}", data={"card_expiry": "01/20", "city": "Rome", "country": "Italy"})

    assert page.status_code == 422
    wrong = re.findall(r'<(?:input|select) id="(\w+)"[^>]*aria-invalid="true"', page.text)
    assert wrong == [
        "email",
        "card_number",
        "card_expiry",
        "card_cvc",
        "phone",
        "line1",
        "postal_code",
        "country",
    ]
    assert re.findall(r'id="(\w+)-fault"', page.text) == wrong
    assert alert(page) == "8 fields are missing or wrong. Each says what it needs."
    assert stripe.payment_methods.list().data == []


def test_one_form_has_the_saved_cards_and_another(stripe: Any, visitor: Client) -> None:
    customer = stripe.customers.create({"email": "jenny@example.com"})
    card = stripe.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    stripe.payment_methods.update(card.id, {"allow_redisplay": "always"})
    about = {"name": "Starter", "description": "100 credits"}
    line = {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 1000, "product_data": about}}
    order = session(stripe, customer=customer.id, line_items=[line])

    page = visitor.get(f"/pay/{order.id}")
    assert page.text.count(f'action="/pay/{order.id}"') == 1
    assert "<h1>Starter</h1>" in page.text
    assert ">100 credits<" in page.text
    declined = visitor.post(f"/pay/{order.id}", data={"saved_card": "", "card_number": DECLINED, **CARD})
    assert 'name="saved_card" value="" checked' in declined.text
    left_over = {"card_number": DECLINED, **CARD}  # typed, before another choice was made
    visitor.post(f"/pay/{order.id}", data={"saved_card": card.id, **left_over})

    paid = stripe.payment_intents.retrieve(stripe.checkout.sessions.retrieve(order.id).payment_intent)
    assert paid.payment_method == card.id


def test_a_saved_card_pays_with_one_button(stripe: Any, visitor: Client) -> None:
    customer = stripe.customers.create({"email": "jenny@example.com"})
    card = stripe.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    stripe.payment_methods.update(card.id, {"allow_redisplay": "always"})
    order = session(stripe, customer=customer.id)
    expiry = f"{card.card.exp_month:02d}/{card.card.exp_year % 100}"
    assert f"Mastercard ending in 4444, {expiry}" in visitor.get(f"/pay/{order.id}").text

    visitor.post(f"/pay/{order.id}", data={"saved_card": card.id})

    paid = stripe.checkout.sessions.retrieve(order.id, {"expand": ["payment_intent"]})
    assert paid.payment_intent.payment_method == card.id


def test_someone_elses_saved_card_does_not_pay(stripe: Any, visitor: Client) -> None:
    stranger = stripe.customers.create({"email": "kim@example.com"})
    card = stripe.payment_methods.attach("pm_card_visa", {"customer": stranger.id})
    stripe.payment_methods.update(card.id, {"allow_redisplay": "always"})
    order = session(stripe, customer=stripe.customers.create({"email": "jenny@example.com"}).id)

    page = visitor.post(f"/pay/{order.id}", data={"saved_card": card.id})

    assert page.status_code == 422
    assert stripe.checkout.sessions.retrieve(order.id).status == "open"


def test_a_promotion_code_lowers_the_total_and_a_wrong_one_is_refused(stripe: Any, visitor: Client) -> None:
    coupon = stripe.coupons.create({"percent_off": 25})
    stripe.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "AUTUMN"})
    order = session(stripe, allow_promotion_codes=True)

    refused = visitor.post(f"/pay/{order.id}/promotion", data={"promotion_code": "WINTER"})
    taken = visitor.post(
        f"/pay/{order.id}/promotion", data={"promotion_code": "autumn"}, follow_redirects=True
    )

    assert alert(refused) == "This code is invalid."
    assert "-$5.00" in taken.text
    assert "Pay $15.00" in taken.text


def test_a_code_that_takes_all_asks_for_no_card(stripe: Any, visitor: Client) -> None:
    coupon = stripe.coupons.create({"percent_off": 100})
    stripe.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "GIFT"})
    order = session(stripe, allow_promotion_codes=True)
    page = visitor.post(f"/pay/{order.id}/promotion", data={"promotion_code": "GIFT"}, follow_redirects=True)
    assert "card_number" not in page.text

    visitor.post(f"/pay/{order.id}", data={"email": "jenny@example.com"})

    done = stripe.checkout.sessions.retrieve(order.id)
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")


def test_a_paid_page_and_an_expired_one_say_so(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    paid, expired = session(stripe), session(stripe)
    stripe_emulator.pay(paid)
    stripe.checkout.sessions.expire(expired.id)

    assert "This has been paid" in visitor.get(f"/pay/{paid.id}").text
    gone = visitor.get(f"/pay/{expired.id}")
    assert gone.status_code == 410
    assert "Nothing was charged." in gone.text


@pytest.mark.parametrize(("answer", "status"), [("complete", "paid"), ("fail", "unpaid")])
def test_the_banks_page_decides_whether_a_card_pays(
    stripe: Any, visitor: Client, answer: str, status: str
) -> None:
    order = session(stripe)
    form = {"email": "jenny@example.com", "card_number": ASKS, **CARD}
    bank = visitor.post(f"/pay/{order.id}", data=form)
    assert "/challenge/pi_" in bank.location
    secret = re.search(r'name="client_secret" value="([^"]+)"', visitor.get(bank.location).text)
    assert secret is not None

    path = bank.location.partition("?")[0]
    visitor.post(path, data={"client_secret": secret[1], "outcome": answer}, follow_redirects=False)

    assert stripe.checkout.sessions.retrieve(order.id).payment_status == status


# Invoices and receipts.


def bill(stripe: Any, customer: str) -> Any:
    stripe.invoice_items.create(
        {"customer": customer, "amount": 4200, "currency": "usd", "description": "Help (2 h)"}
    )
    made = stripe.invoices.create(
        {
            "customer": customer,
            "collection_method": "send_invoice",
            "days_until_due": 14,
            "pending_invoice_items_behavior": "include",
        }
    )
    return stripe.invoices.finalize_invoice(made.id)


def test_an_invoice_is_paid_on_its_page(stripe: Any, visitor: Client) -> None:
    invoice = bill(stripe, stripe.customers.create({"email": "jenny@example.com"}).id)
    assert "$42.00 due" in visitor.get(f"/invoice/{invoice.id}").text

    declined = visitor.post(f"/invoice/{invoice.id}", data={"card_number": DECLINED, **CARD})
    assert alert(declined) == "Your card was declined."
    visitor.post(f"/invoice/{invoice.id}", data={"card_number": VISA, **CARD})

    assert stripe.invoices.retrieve(invoice.id).status == "paid"
    assert "This invoice has been paid" in visitor.get(f"/invoice/{invoice.id}").text


def test_a_card_that_asks_pays_an_invoice_after_the_banks_page(stripe: Any, visitor: Client) -> None:
    invoice = bill(stripe, stripe.customers.create({"email": "jenny@example.com"}).id)
    bank = visitor.post(f"/invoice/{invoice.id}", data={"card_number": ASKS, **CARD}).location
    path, _, query = bank.partition("?client_secret=")

    back = visitor.post(path, data={"client_secret": query, "outcome": "complete"})

    assert back.location.startswith(invoice.hosted_invoice_url)
    assert stripe.invoices.retrieve(invoice.id).status == "paid"


def test_an_invoice_is_a_pdf_with_its_lines_on_it(stripe: Any, visitor: Client) -> None:
    invoice = bill(stripe, stripe.customers.create({"name": "Jenny Rosén"}).id)

    answer = visitor.get(f"/invoice/{invoice.id}/pdf")

    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-1.4\n")
    for words in (rb"(Help \(2 h\))", b"($42.00 due)", "(Jenny Rosén)".encode("cp1252"), b"%%EOF"):
        assert words in answer.data
    place = int(re.findall(rb"startxref\n(\d+)", answer.data)[0])
    assert answer.data[place:].startswith(b"xref\n")
    for number, begins in enumerate(re.findall(rb"(\d{10}) 00000 n", answer.data), 1):
        assert answer.data[int(begins) :].startswith(b"%d 0 obj" % number)


def test_a_long_invoice_goes_on_to_more_pages(stripe: Any, visitor: Client) -> None:
    customer = stripe.customers.create({"email": "jenny@example.com"}).id
    for number in range(60):
        stripe.invoice_items.create(
            {"customer": customer, "amount": 100, "currency": "usd", "description": f"Hour {number}"}
        )
    invoice = bill(stripe, customer)

    answer = visitor.get(f"/invoice/{invoice.id}/pdf")

    assert b"page 3 of 3" in answer.data
    assert b"(Hour 0)" in answer.data
    assert b"(Hour 59)" in answer.data


def test_a_receipt_shows_what_was_paid_and_what_was_refunded(stripe: Any, visitor: Client) -> None:
    paid = stripe.payment_intents.create(
        {
            "amount": 1500,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )
    stripe.refunds.create({"payment_intent": paid.id, "amount": 500})
    charge = stripe.charges.retrieve(paid.latest_charge)

    page = visitor.get(charge.receipt_url.partition("12111")[2])

    assert "$15.00" in page.text
    assert "Visa ending in 4242" in page.text
    assert "$5.00" in page.text


def test_a_receipt_of_a_checkout_names_what_was_bought(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    paid = session(stripe)
    stripe_emulator.pay(paid)
    intent = stripe.checkout.sessions.retrieve(paid.id).payment_intent
    charge = stripe.payment_intents.retrieve(intent).latest_charge

    assert "<dt>For</dt><dd>Starter pack &times; 2</dd>" in visitor.get(f"/receipts/{charge}").text


# The portal.


@pytest.fixture
def subscriber(stripe: Any) -> Any:
    """A customer with a card that pays for a monthly plan."""
    customer = stripe.customers.create(
        {
            "email": "jenny@example.com",
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    price = stripe.prices.create(
        {
            "unit_amount": 1900,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "product_data": {"name": "Monthly plan"},
        }
    )
    stripe.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    return customer


def portal(stripe: Any, customer: str, **params: Any) -> str:
    made = stripe.billing_portal.sessions.create({"customer": customer, **params})
    return str(made.url).partition("12111")[2]


def plan_of(stripe: Any, customer: str) -> Any:
    return stripe.subscriptions.list({"customer": customer, "status": "all"}).data[0]


def test_a_plan_is_canceled_for_the_periods_end_and_kept_after_all(
    stripe: Any, visitor: Client, subscriber: Any
) -> None:
    here, plan = portal(stripe, subscriber.id), plan_of(stripe, subscriber.id)
    assert "Monthly plan" in visitor.get(here).text

    page = visitor.post(f"{here}/plan/{plan.id}", data={"do": "cancel"}, follow_redirects=True)
    assert plan_of(stripe, subscriber.id).cancel_at_period_end is True
    assert "Keep my plan" in page.text
    visitor.post(f"{here}/plan/{plan.id}", data={"do": "resume"})

    assert plan_of(stripe, subscriber.id).cancel_at_period_end is False


def test_a_portal_may_be_set_to_cancel_at_once(stripe: Any, visitor: Client, subscriber: Any) -> None:
    features = {"subscription_cancel": {"enabled": True, "mode": "immediately"}}
    configuration = stripe.billing_portal.configurations.create({"features": features})
    here = portal(stripe, subscriber.id, configuration=configuration.id)

    visitor.post(f"{here}/plan/{plan_of(stripe, subscriber.id).id}", data={"do": "cancel"})

    assert plan_of(stripe, subscriber.id).status == "canceled"


def test_a_card_is_added_chosen_and_the_old_one_removed(
    stripe: Any, visitor: Client, subscriber: Any
) -> None:
    here = portal(stripe, subscriber.id)
    [old] = stripe.customers.payment_methods.list(subscriber.id).data
    kept = visitor.post(f"{here}/cards/{old.id}", data={"do": "remove"})
    assert alert(kept) == "This card pays for your plan. Choose another one for it first."

    visitor.post(f"{here}/cards", data={"card_number": "5555 5555 5555 4444", **CARD})
    new = stripe.customers.payment_methods.list(subscriber.id).data[0]
    visitor.post(f"{here}/cards/{new.id}", data={"do": "default"})
    visitor.post(f"{here}/cards/{old.id}", data={"do": "remove"})

    assert stripe.customers.retrieve(subscriber.id).invoice_settings.default_payment_method == new.id
    assert [method.card.last4 for method in stripe.customers.payment_methods.list(subscriber.id).data] == [
        "4444"
    ]


def test_adding_a_card_goes_by_its_bank_and_shows_a_refusal(
    stripe: Any, visitor: Client, subscriber: Any
) -> None:
    here = portal(stripe, subscriber.id)
    refused = visitor.post(f"{here}/cards", data={"card_number": DECLINED, **CARD})
    assert alert(refused) == "Your card was declined."

    bank = visitor.post(f"{here}/cards", data={"card_number": ASKS_ONCE, **CARD}).location
    path, _, secret = bank.partition("?client_secret=")
    visitor.post(path, data={"client_secret": secret, "outcome": "complete"})

    cards = stripe.customers.payment_methods.list(subscriber.id).data
    assert sorted(method.card.last4 for method in cards) == ["3155", "4242"]


def test_an_email_is_changed_in_the_portal(stripe: Any, visitor: Client, subscriber: Any) -> None:
    here = portal(stripe, subscriber.id)

    visitor.post(f"{here}/details", data={"email": "rosen@example.com"})

    assert stripe.customers.retrieve(subscriber.id).email == "rosen@example.com"


def test_a_portal_reaches_nobody_elses_things(stripe: Any, visitor: Client, subscriber: Any) -> None:
    stranger = portal(stripe, stripe.customers.create({"email": "kim@example.com"}).id)
    [card] = stripe.customers.payment_methods.list(subscriber.id).data
    plan = plan_of(stripe, subscriber.id)

    answers = [
        visitor.post(f"{stranger}/cards/{card.id}", data={"do": "remove"}),
        visitor.post(f"{stranger}/plan/{plan.id}", data={"do": "cancel"}),
        visitor.get("/portal/bps_1nobody"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert plan_of(stripe, subscriber.id).cancel_at_period_end is False


def test_what_a_configuration_leaves_out_is_neither_shown_nor_done(
    stripe: Any, visitor: Client, subscriber: Any
) -> None:
    only_invoices = stripe.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    )
    here = portal(stripe, subscriber.id, configuration=only_invoices.id)

    page = visitor.get(here).text
    refused = visitor.post(f"{here}/plan/{plan_of(stripe, subscriber.id).id}", data={"do": "cancel"})

    assert "Your invoices" in page
    assert "Add a card" not in page
    assert refused.status_code == 404


def test_a_portals_link_ends_after_a_day(
    stripe: Any, visitor: Client, subscriber: Any, stripe_emulator: Emulator
) -> None:
    here = portal(stripe, subscriber.id)

    stripe_emulator.advance(days=2)

    assert visitor.get(here).status_code == 404


def test_a_link_that_leads_nowhere_says_so_as_a_page(visitor: Client) -> None:
    for path in (
        "/pay/cs_test_nobody",
        "/invoice/in_nobody",
        "/invoice/in_nobody/pdf",
        "/receipts/ch_nobody",
    ):
        page = visitor.get(path)
        assert (page.status_code, page.mimetype) == (404, "text/html")
        assert "This link leads nowhere" in page.text


def test_what_a_shop_writes_is_text_on_every_page(stripe: Any, visitor: Client, subscriber: Any) -> None:
    hostile = "<script>alert(1)</script>"
    stripe.customers.update(subscriber.id, {"name": hostile, "email": "jenny@example.com"})
    item = {"currency": "usd", "unit_amount": 1000, "product_data": {"name": hostile}}
    order = session(stripe, line_items=[{"quantity": 1, "price_data": item}])
    stripe.invoice_items.create(
        {"customer": subscriber.id, "amount": 100, "currency": "usd", "description": hostile}
    )
    invoice = bill(stripe, subscriber.id)
    paths = (
        f"/pay/{order.id}",
        f"/invoice/{invoice.id}",
        portal(stripe, subscriber.id),
        f"/objects/customer/{subscriber.id}",
        "/objects/customer",
        f"/find?q={hostile}",
    )

    for path in paths:
        assert "<script>alert" not in visitor.get(path).text, path


def test_a_portal_leads_back_to_a_web_page_only(stripe: Any, subscriber: Any) -> None:
    with pytest.raises(InvalidRequestError, match="explicit scheme"):
        portal(stripe, subscriber.id, return_url="javascript:alert(1)")
