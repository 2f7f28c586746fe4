"""What a tester does on the dashboard: search, see what belongs together, press buttons, keep states."""

from __future__ import annotations

import re
from typing import Any

import pytest
from stripe import StripeClient
from werkzeug.test import Client, TestResponse

from stripe_emulator import Emulator

from ..shop import Shop

HERE = {"Origin": "http://localhost"}


def press(visitor: Client, path: str, **form: str) -> TestResponse:
    return visitor.post(path, data=form, headers=HERE, follow_redirects=True)


def key_of(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer sk_test_{name}_of_the_team"}


def names(page: TestResponse) -> list[str]:
    """What the rows of a page are called."""
    return re.findall(r'title="\w+">([^<]+)</a>', page.text)


def test_search_finds_by_what_a_person_knows(stripe: Any, visitor: Client) -> None:
    jenny = stripe.customers.create({"email": "Jenny@example.com", "name": "Jenny Rosen"})
    stripe.customers.create({"email": "bob@example.com", "name": "Bob"})
    stripe.payment_methods.attach("pm_card_mastercard", {"customer": jenny.id})
    pens = stripe.prices.create(
        {"unit_amount": 123456, "currency": "usd", "product_data": {"name": "A thousand pens"}}
    )
    yen = stripe.prices.create({"unit_amount": 500, "currency": "jpy", "product_data": {"name": "A pen"}})

    def find(text: str) -> list[str]:
        return names(visitor.get("/find", query_string={"q": text}))

    assert find("jenny@") == find("rosen") == find(jenny.id[4:12]) == ["Jenny Rosen"]
    assert find("4444") == ["Mastercard ending in 4444"]
    assert find("1,234.56") == find("$1234.56") == find("1234.56 usd") == ["A thousand pens"]
    assert find("500") == find("500 JPY") == ["A pen"]
    assert find("500 eur") == find("12.345") == []
    assert visitor.get("/find", query_string={"q": pens.id}).location == f"/objects/price/{pens.id}"
    assert find("")[:2] == ["A pen", "A pen"]  # the latest: a price, and its product
    assert visitor.get("/find", query_string={"q": "9" * 400}).status_code == 404
    assert yen.id[-6:] in visitor.get("/find").text


def test_a_customers_page_has_what_belongs_to_it(shop: Shop) -> None:
    visitor, customer = shop.emulator.browser(), shop.customer()
    subscription = shop.subscribe(customer, shop.price())

    page = visitor.get(f"/objects/customer/{customer}")

    assert re.findall(r"<h2>([^<]+)</h2>", page.text)[:5] == [
        "Payments",
        "Subscriptions",
        "Invoices",
        "Payment methods",
        "Charges",
    ]
    timeline = page.text.partition("<h2>Timeline")[2]
    for kind in ("subscription.", "invoice.", "payment_"):
        assert kind in timeline
    plan = visitor.get(f"/objects/subscription/{subscription.id}")
    assert ">jo@example.com</a>" in plan.text
    assert "A subscription renews" in plan.text
    listed = visitor.get("/objects/invoice?state=paid")
    assert ">jo@example.com</a>" in listed.text
    assert ">Paid <b>1</b>" in visitor.get("/objects/invoice?state=paid").text
    assert "There are none." in visitor.get("/objects/invoice?state=void").text


def test_money_goes_back_and_is_disputed_by_buttons(shop: Shop) -> None:
    visitor = shop.emulator.browser()
    intent = shop.charge(amount=1000)
    here = f"/objects/payment_intent/{intent.id}"

    for wrong in ("a lot", "12.345", "-1", "1e999", "1e999999", "NaN"):
        refused = press(visitor, f"{here}/refund", amount=wrong)
        assert refused.status_code == 422
        assert "Enter one such as 12.34." in refused.text
    too_much = press(visitor, f"{here}/refund", amount="99")
    assert too_much.status_code == 422
    press(visitor, f"{here}/refund", amount="4.00")
    press(visitor, f"{here}/dispute", reason="product_not_received")

    charge = shop.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.disputed) == (400, True)
    [dispute] = shop.v1.disputes.list().data
    press(visitor, f"/objects/dispute/{dispute.id}/lose")
    assert shop.v1.disputes.retrieve(dispute.id).status == "lost"
    late = press(visitor, f"/objects/dispute/{dispute.id}/win")
    assert late.status_code == 422
    assert "can&#39;t be done any more" in late.text


def test_a_renewal_fails_and_pays_again_by_buttons(shop: Shop) -> None:
    visitor, customer = shop.emulator.browser(), shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    here = f"/objects/subscription/{subscription.id}"

    press(visitor, f"{here}/fail-renewal")
    page = press(visitor, f"{here}/renew")
    assert shop.subscription(subscription.id).status == "past_due"
    assert "Let it pay again" in page.text
    press(visitor, f"{here}/mend-card")
    press(visitor, f"/objects/invoice/{shop.latest(customer).id}/pay")
    assert shop.subscription(subscription.id).status == "active"

    press(visitor, f"{here}/cancel")
    assert shop.subscription(subscription.id).status == "canceled"
    assert "Have it happen" not in visitor.get(here).text


@pytest.mark.parametrize(
    ("button", "status"), [("debit-succeeds", "succeeded"), ("debit-fails", "requires_payment_method")]
)
def test_a_bank_debit_ends_by_a_button(shop: Shop, button: str, status: str) -> None:
    visitor = shop.emulator.browser()
    form: Any = {
        "amount": 1000,
        "currency": "eur",
        "confirm": True,
        "payment_method_data": {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "DE08370400440532013003"},
            "billing_details": {"name": "Jo", "email": "jo@example.com"},
        },
        "mandate_data": {"customer_acceptance": {"type": "offline"}},
        "return_url": "https://shop.example",
    }
    intent = shop.v1.payment_intents.create(form)
    assert intent.status == "processing"

    press(visitor, f"/objects/payment_intent/{intent.id}/{button}")
    shop.advance(days=10)

    assert shop.v1.payment_intents.retrieve(intent.id).status == status


def test_a_checkout_is_paid_declined_or_ended_by_buttons(shop: Shop) -> None:
    visitor = shop.emulator.browser()
    paid, ended = shop.checkout().id, shop.checkout().id

    declined = press(visitor, f"/objects/checkout.session/{paid}/pay", card="4000000000000002")
    assert declined.status_code == 422
    assert "Your card was declined." in declined.text
    press(visitor, f"/objects/checkout.session/{paid}/pay", card="4242424242424242")
    press(visitor, f"/objects/checkout.session/{ended}/expire")

    assert shop.v1.checkout.sessions.retrieve(paid).payment_status == "paid"
    assert shop.v1.checkout.sessions.retrieve(ended).status == "expired"


def test_the_clock_goes_to_what_falls_due_next(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    assert "Nothing is due" in press(visitor, "/clock", by="next").text
    order = stripe.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "success_url": "https://shop.example"}
    )

    press(visitor, "/clock", by="next")

    assert stripe.checkout.sessions.retrieve(order.id).status == "expired"
    assert 0 <= stripe_emulator.now() - order.expires_at < 5


def test_states_are_kept_compared_and_brought_back(stripe: Any, visitor: Client) -> None:
    assert press(visitor, "/states", name="../x").status_code == 422
    press(visitor, "/states", name="before")
    customer = stripe.customers.create({"name": "Jenny"})

    difference = visitor.get("/states/before")
    assert customer.id in difference.text
    assert "customer.<wbr>created" in difference.text
    press(visitor, "/states/before", do="load")
    assert stripe.customers.list().data == []
    assert "Nothing has changed since." in visitor.get("/states/before").text
    press(visitor, "/states/before", do="forget")

    assert visitor.get("/states/before").status_code == 404
    stripe.customers.create({})
    assert press(visitor, "/reset").status_code == 422
    assert len(stripe.customers.list().data) == 1
    press(visitor, "/reset", sure="1")
    assert stripe.customers.list().data == []


def test_a_bad_day_is_chosen_by_its_name(visitor: Client, stripe_emulator: Emulator) -> None:
    press(visitor, "/chaos", preset="webhooks")

    assert stripe_emulator.state()["chaos"] == {"duplicate": 0.5, "shuffle": True, "delay": 5.0, "seed": "0"}


def test_one_delivery_is_sent_again_with_all_that_was_sent_before(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    heard: list[str] = []

    def receiver(environ: Any, start_response: Any) -> list[bytes]:
        heard.append(environ["HTTP_STRIPE_SIGNATURE"])
        start_response("200 OK" if len(heard) > 1 else "500 Down", [])
        return [b"the database is asleep"]

    stripe_emulator.connect(receiver, "/webhook")
    stripe.webhook_endpoints.create(
        {"url": "http://127.0.0.1:1/hook", "enabled_events": ["customer.created"]}
    )
    stripe.customers.create({"email": "jenny@example.com"})
    stripe_emulator.deliver()

    pages = [visitor.get(f"/deliveries/{seq}").text for seq in (1, 2)]
    assert "the database is asleep" in pages[0]
    assert heard[0] in pages[0]
    assert "jenny@example.com" in pages[0]
    assert " ms</span>" in pages[0]
    assert "Nobody listens at 127.0.0.1:1: the connection was refused. Is the program running?" in pages[1]
    press(visitor, "/deliveries/1/retry")
    stripe_emulator.deliver()

    assert len(heard) == 2
    assert ">Delivered <b>1</b>" in visitor.get("/deliveries").text
    assert visitor.get("/deliveries/99").status_code == 404
    assert press(visitor, "/deliveries/99/retry").status_code == 404


def test_no_address_and_no_form_breaks_a_page(shop: Shop, visitor: Client) -> None:
    """Every object of an account has its page; whatever else is asked for is refused."""
    customer = shop.customer()
    shop.subscribe(customer, shop.price())
    shop.emulator.pay(shop.checkout().id)
    shop.v1.refunds.create({"payment_intent": shop.charge().id, "amount": 5})
    shop.emulator.dispute(shop.charge().id)
    shop.v1.customers.delete(customer)
    with shop.emulator.store.transaction(write=False) as transaction:
        rows = transaction.execute("SELECT kind, id FROM object").fetchall()

    for kind, object_id in rows:
        assert visitor.get(f"/objects/{kind}/{object_id}", follow_redirects=True).status_code == 200
    for kind in {kind for kind, _ in rows}:
        assert visitor.get(f"/objects/{kind}?state=nowhere&before=9").status_code == 200
    for path in ("/find?q=%00", "/find?q=$", "/logs/%00", "/states/%00", f"/deliveries/{9**30}"):
        assert visitor.get(path).status_code == 404
    for path in ("/logs?path=%00&verb='", "/deliveries?state=x", "/events?type=x&delivery=x"):
        assert visitor.get(path).status_code == 200
    for path, form in (
        ("/clock", {"to": "0001-01-01T00:00"}),
        ("/chaos", {"preset": "x"}),
        ("/account", {"name": "x" * 101}),
        ("/account", {"name": "two\nlines"}),
        ("/states", {}),
    ):
        assert press(visitor, path, **form).status_code == 422
    assert press(visitor, f"/deliveries/{9**30}/retry").status_code == 404


def test_the_account_has_a_name_that_customers_see(shop: Shop) -> None:
    visitor, session = shop.emulator.browser(), shop.checkout().id
    assert "Test shop" in visitor.get(f"/pay/{session}").text

    press(visitor, "/account", name="Rando <Number>")
    shop.emulator.save("one")
    shop.emulator.reset()
    shop.emulator.load("one")

    assert "Rando &lt;Number&gt;" in visitor.get(f"/pay/{session}").text
    account = shop.v1.accounts.retrieve_current()
    assert account.business_profile is not None
    assert account.business_profile.name == "Rando <Number>"
    assert press(visitor, "/account", name=" ").status_code == 422


def test_the_dashboard_shows_each_account_and_switches() -> None:
    many = Emulator(accounts="by-key", name="Shop")
    visitor = many.browser()
    for name in ("ann", "bob"):
        client = StripeClient(f"sk_test_{name}_of_the_team", http_client=many.http_client())
        client.v1.customers.create({"name": f"Customer of {name}"})
    ids = [str(many.account(f"sk_test_{name}_of_the_team").store.account) for name in ("ann", "bob")]
    assert "Customer of" not in visitor.get("/find").text
    assert all(account in visitor.get("/account").text for account in ids)

    for account, own, other in ((ids[0], "ann", "bob"), (ids[1], "bob", "ann")):
        press(visitor, "/account/switch", account=account)
        page = visitor.get("/find").text
        assert f"Customer of {own}" in page
        assert f"Customer of {other}" not in page

    assert press(visitor, "/account/switch", account="acct_nobody").status_code == 422
    of_ann = many.account("sk_test_ann_of_the_team").browser().get("/logs", headers=key_of("ann")).text
    logged = re.findall(r'href="(/logs/req_\w+)"', of_ann)[0]
    assert many.browser().get(logged).status_code == 200  # the log's address names no account
    many.close()
