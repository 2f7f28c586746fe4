"""The dashboard's forms: what each does, and that nobody else's page can send them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import Client

from stripe_emulator import Emulator

HERE = {"Origin": "http://localhost"}


class Listener:
    """A webhook's receiver in this process, which can be out of order."""

    def __init__(self) -> None:
        self.heard = 0
        self.works = True

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.heard += 1
        start_response("200 OK" if self.works else "500 Down", [])
        return [b"" if self.works else b"the database is asleep"]


def test_an_empty_account_shows_how_to_begin(visitor: Client) -> None:
    page = visitor.get("/")

    assert "Nothing has happened yet" in page.text
    assert "Set-Cookie" not in page.headers


def test_a_payment_is_found_with_its_events_by_its_id(stripe: Any, visitor: Client) -> None:
    paid = stripe.payment_intents.create(
        {
            "amount": 1234,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )

    page = visitor.get(f"/find?q={paid.id}", follow_redirects=True)

    assert page.request.path == f"/objects/payment_intent/{paid.id}"
    assert "$12.34" in page.text
    assert "payment_intent.<wbr>succeeded" in page.text.replace("payment_<wbr>", "payment_")
    assert f'href="/find?q={paid.latest_charge}"' in page.text


def test_what_nobody_has_is_not_found_as_a_page(visitor: Client) -> None:
    for path in ("/find?q=cus_nobody", "/objects/customer/cus_nobody", "/events/evt_nobody"):
        page = visitor.get(path)
        assert page.status_code == 404
        assert "There is nothing here with" in page.text


def test_objects_go_on_to_older_pages(stripe: Any, visitor: Client) -> None:
    made = [stripe.customers.create({"name": f"Customer {number}"}).id for number in range(60)]

    newest = visitor.get("/objects/customer").text
    before = newest.partition("?before=")[2].partition('"')[0]
    older = visitor.get(f"/objects/customer?before={before}").text

    assert [customer for customer in made if customer in newest] == made[10:]
    assert [customer for customer in made if customer in older] == made[:10]


def test_customers_of_one_name_are_told_apart_by_their_email(stripe: Any, visitor: Client) -> None:
    for email in ("nora@one.test", "nora@two.test"):
        stripe.customers.create({"name": "Nora Newcomer", "email": email})
    nameless = stripe.customers.create({"email": "only@three.test"}).id

    page = visitor.get("/objects/customer").text

    assert '<th scope="col">Email</th>' in page
    assert re.findall(r'<td class="small">([^<]*)</td>', page) == ["", "nora@two.test", "nora@one.test"]
    assert page.count("only@three.test") == 1, "its title, and not once more as its email"
    assert f">cus_…{nameless[-6:]}<" in page


@pytest.mark.parametrize(
    ("outcome", "state"), [("", "disputed"), ("lost", "dispute lost"), ("won", "succeeded")]
)
def test_a_payment_that_a_bank_wants_back_says_so_wherever_it_stands(
    stripe: Any, visitor: Client, stripe_emulator: Emulator, outcome: str, state: str
) -> None:
    customer = stripe.customers.create({"name": "Nora Newcomer"}).id
    paid = pay_for_starter(stripe, stripe_emulator, customer)
    dispute = stripe_emulator.dispute(charge=paid.latest_charge)["id"]
    if outcome:
        stripe_emulator.dispute(dispute=dispute, outcome=outcome)

    for path in (f"payment_intent/{paid.id}", f"charge/{paid.latest_charge}"):
        head = visitor.get(f"/objects/{path}").text.partition("</h1>")[0].rpartition("<h1>")[2]
        assert re.findall(r'<span class="pill \w+">([^<]+)</span>', head) == [state], path
    of_customer = visitor.get(f"/objects/customer/{customer}").text
    payments = of_customer.partition("<h2>Payments</h2>")[2].partition("</section>")[0]
    assert re.findall(r'<span class="pill \w+">([^<]+)</span>', payments) == [state]
    own = of_customer.partition("<h2>Disputes</h2>")[2].partition("</section>")[0]
    assert f'href="/objects/dispute/{dispute}"' in own
    assert "charge.dispute.created" in of_customer.replace("<wbr>", "")
    disputes = visitor.get("/objects/dispute").text
    assert f'<a href="/objects/customer/{customer}">Nora Newcomer</a>' in disputes


def test_a_disputes_page_says_its_state_and_its_amount_once(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    paid = pay_for_starter(stripe, stripe_emulator, stripe.customers.create({"name": "Nora Newcomer"}).id)
    dispute = stripe_emulator.dispute(charge=paid.latest_charge)["id"]
    stripe_emulator.dispute(dispute=dispute, outcome="lost")

    head = visitor.get(f"/objects/dispute/{dispute}").text.partition("<h1>")[2].partition("</dl>")[0]

    assert re.findall(r'<span class="pill \w+">([^<]+)</span>', head) == ["lost"]
    assert head.count("$10.00") == 1
    assert re.findall(r'href="/objects/(\w+)/', head) == ["payment_intent"]


def test_a_payment_is_called_by_what_was_bought_with_its_card_beside_it(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    paid = pay_for_starter(stripe, stripe_emulator, stripe.customers.create({"email": "nora@one.test"}).id)

    page = visitor.get("/objects/payment_intent").text

    assert f'title="{paid.id}">Starter</a> <span class="muted small">Visa ending in 4242</span>' in page


def test_an_event_says_whose_it_is(stripe: Any, visitor: Client, stripe_emulator: Emulator) -> None:
    named = stripe.customers.create({"name": "Nora Newcomer", "email": "nora@one.test"}).id
    pay_for_starter(stripe, stripe_emulator, named)
    pay_for_starter(stripe, stripe_emulator, stripe.customers.create({"email": "pat@two.test"}).id)

    page = visitor.get("/events?type=payment_intent.succeeded").text

    of_nora = visitor.get(f"/objects/customer/{named}").text
    due = visitor.get("/clock").text

    about = r"</a></td>\s*<td>([^<]*)</td>"
    assert re.findall(about, page) == ["pat@two.test, $10.00", "Nora Newcomer, $10.00"]
    assert not [words for words in re.findall(about, of_nora) if words.startswith("Nora Newcomer,")]
    assert re.search(r"<td class=\"own-line\">Nora Newcomer <a class=\"id\" href=\"/find\?q=ch_", due)


def pay_for_starter(stripe: Any, stripe_emulator: Emulator, customer: str) -> Any:
    """Buy something on Stripe's page; the payment."""
    item = {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Starter"}}
    session = stripe.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer,
            "success_url": "https://shop.test/",
            "line_items": [{"price_data": item, "quantity": 1}],
        }
    )
    stripe_emulator.pay(session.id)
    return stripe.payment_intents.retrieve(stripe.checkout.sessions.retrieve(session.id).payment_intent)


@pytest.mark.parametrize(
    ("step", "seconds"), [("hour", 3600), ("day", 86400), ("month", 31 * 86400), ("year", 365 * 86400)]
)
def test_the_clocks_buttons_move_time(
    visitor: Client, stripe_emulator: Emulator, step: str, seconds: int
) -> None:
    stripe_emulator.reset(now=1_798_761_600)  # 1 January 2027

    visitor.post("/clock", data={"by": step}, headers=HERE)

    assert 0 <= stripe_emulator.now() - 1_798_761_600 - seconds < 5


def test_the_clock_goes_to_a_date_and_what_falls_due_happens(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    stripe_emulator.reset(now=1_798_761_600)
    order = stripe.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "success_url": "https://shop.example"}
    )

    page = visitor.post("/clock", data={"to": "2027-01-03T00:00"}, headers=HERE, follow_redirects=True)

    assert "3 Jan 2027, 00:00:0" in page.text
    assert stripe.checkout.sessions.retrieve(order.id).status == "expired"


@pytest.mark.parametrize("to", ["", "tomorrow", "1999-01-01T00:00", "9999-01-01T00:00"])
def test_a_date_that_the_clock_cannot_go_to_is_refused(visitor: Client, to: str) -> None:
    page = visitor.post("/clock", data={"to": to}, headers=HERE)

    assert page.status_code == 422
    assert 'role="alert"' in page.text


def test_an_endpoint_is_added_disabled_and_removed(stripe: Any, visitor: Client) -> None:
    form = {"url": "http://127.0.0.1:5000/webhook", "enabled_events": "charge.refunded, charge.updated"}

    visitor.post("/webhooks", data=form, headers=HERE)
    [endpoint] = stripe.webhook_endpoints.list().data
    assert endpoint.enabled_events == ["charge.refunded", "charge.updated"]
    visitor.post(f"/webhooks/{endpoint.id}", data={"do": "disable"}, headers=HERE)
    assert stripe.webhook_endpoints.retrieve(endpoint.id).status == "disabled"
    visitor.post(f"/webhooks/{endpoint.id}", data={"do": "remove"}, headers=HERE)

    assert stripe.webhook_endpoints.list().data == []
    assert visitor.post("/webhooks", data={"url": "nowhere"}, headers=HERE).status_code == 422


def test_a_failed_delivery_shows_its_reply_and_is_tried_at_once(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    listener = Listener()
    stripe_emulator.connect(listener, "/webhook")
    listener.works = False
    stripe.customers.create({"email": "jenny@example.com"})
    stripe_emulator.deliver()
    [event] = stripe.events.list().data
    assert "the database is asleep" in visitor.get(f"/events/{event.id}").text

    listener.works = True
    assert stripe_emulator.deliver() == 0  # the next try is a minute away
    visitor.post("/deliveries/now", headers=HERE)
    assert stripe_emulator.deliver() == 1

    assert "Every event has arrived." in visitor.get("/deliveries").text


def test_an_event_is_sent_again_on_request(stripe: Any, visitor: Client, stripe_emulator: Emulator) -> None:
    listener = Listener()
    stripe_emulator.connect(listener, "/webhook")
    stripe.customers.create({"email": "jenny@example.com"})
    stripe_emulator.deliver()
    [event] = stripe.events.list().data

    visitor.post(f"/events/{event.id}/resend", headers=HERE)
    stripe_emulator.deliver()

    assert listener.heard == 2


def test_chaos_begins_and_ends(visitor: Client, stripe_emulator: Emulator) -> None:
    form = {"duplicate": "0.5", "delay": "2", "shuffle": "1", "seed": "7", "api_500": "0"}

    visitor.post("/chaos", data=form, headers=HERE)
    assert stripe_emulator.state()["chaos"] == {"duplicate": 0.5, "delay": 2.0, "shuffle": True, "seed": "7"}
    visitor.post("/chaos", data={"do": "end"}, headers=HERE)

    assert stripe_emulator.state()["chaos"] == {}


@pytest.mark.parametrize(
    ("field", "value"), [("drop", "2"), ("drop", "often"), ("delay", "-1"), ("drop", "nan")]
)
def test_a_wrong_number_is_refused_at_its_field(visitor: Client, field: str, value: str) -> None:
    page = visitor.post("/chaos", data={field: value}, headers=HERE)

    assert page.status_code == 422
    assert "must be a number from 0 to" in page.text


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
@pytest.mark.parametrize("path", ["/clock", "/chaos", "/webhooks", "/deliveries/now", "/events/evt_1/resend"])
def test_a_form_of_another_site_does_nothing(
    visitor: Client, stripe_emulator: Emulator, path: str, headers: dict[str, str]
) -> None:
    before = stripe_emulator.state()

    refused = visitor.post(
        path, data={"by": "year", "drop": "1", "url": "http://evil.example"}, headers=headers
    )

    assert refused.status_code == 403
    after = stripe_emulator.state()
    assert (after["objects"], after["chaos"]) == (before["objects"], before["chaos"])
    assert after["now"] - before["now"] < 5


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:5000"])
def test_a_page_of_another_site_can_not_use_the_controls(
    stripe: Any, visitor: Client, stripe_emulator: Emulator, origin: str
) -> None:
    """A form or a script sends JSON as plain text without asking; a program names no origin."""
    stripe.customers.create({})

    refused = visitor.post("/_emulator/reset", data="{}", headers={"Origin": origin})

    assert refused.status_code == 403
    assert stripe_emulator.state()["objects"]["customer"] == 1
    assert visitor.post("/_emulator/reset", data="{}").status_code == 200


@pytest.mark.parametrize("path", ["/", "/live", "/clock", "/_emulator/state"])
def test_a_name_that_leads_here_from_elsewhere_sees_nothing(visitor: Client, path: str) -> None:
    """A page of rebound.example is of the same origin as the dashboard that it reads under this name."""
    refused = visitor.get(path, base_url="http://rebound.example:12111")

    assert refused.status_code == 403
    assert "--allow-host" in refused.text
    forged = visitor.post(
        "/_emulator/reset",
        json={},
        base_url="http://rebound.example",
        headers={"Origin": "http://rebound.example"},
    )
    assert forged.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example:12111"])
def test_a_page_of_another_site_can_not_use_a_secret_key(
    stripe: Any, visitor: Client, stripe_emulator: Emulator, origin: str
) -> None:
    """Any test key opens the account. A form sends one as a field, and a script may ask and read."""
    stripe.customers.create({"email": "pat@example.com"})
    headers, bearer = {"Origin": origin}, {"Authorization": "Bearer sk_test_x"}

    form = visitor.post("/v1/customers", data={"key": "sk_test_x"}, headers=headers)
    script = visitor.get("/v1/customers", headers={**headers, **bearer})
    rebound = visitor.get("/v1/customers", headers=bearer, base_url="http://rebound.example:12111")

    assert [form.status_code, script.status_code, rebound.status_code] == [403, 403, 403]
    assert "pat@example.com" not in script.text + rebound.text
    assert stripe_emulator.state()["objects"]["customer"] == 1


@pytest.mark.parametrize("origin", ["http://localhost:5555", "http://127.0.0.1:3000"])
def test_a_page_of_this_machine_may_and_a_publishable_key_is_for_any_page(
    visitor: Client, origin: str
) -> None:
    secret, publishable = ({"Authorization": f"Bearer {kind}_test_x"} for kind in ("sk", "pk"))
    card = {"type": "card", "card[token]": "tok_visa"}

    here = visitor.get("/v1/customers", headers={**secret, "Origin": origin})
    anywhere = visitor.post(
        "/v1/payment_methods", data=card, headers={**publishable, "Origin": "https://shop.example"}
    )

    assert (here.status_code, anywhere.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("hosts", "seen", "unseen"),
    [
        ((), ["127.0.0.1", "localhost", "[::1]", "pay.localhost", "shop.test"], ["stripe", "10.0.0.7"]),
        (["::"], ["stripe", "10.0.0.7"], ["rebound.example", "stripe.example"]),
        (["Stripe.Example"], ["stripe.example"], ["rebound.example", "stripe"]),
    ],
)
def test_the_dashboard_has_the_names_that_it_was_given(
    hosts: list[str], seen: list[str], unseen: list[str]
) -> None:
    emulator = Emulator(base_url="http://shop.test:12111", hosts=hosts)
    visitor = emulator.browser()
    answers = {name: visitor.get("/", base_url=f"http://{name}:12111").status_code for name in seen + unseen}
    emulator.close()
    assert answers == dict.fromkeys(seen, 200) | dict.fromkeys(unseen, 403)


def test_a_reset_that_is_refused_has_changed_nothing(visitor: Client, stripe_emulator: Emulator) -> None:
    refused = visitor.post("/_emulator/reset", json={"seed": 7, "now": -1})

    assert refused.status_code == 400
    assert stripe_emulator.store.still is None


def test_nobody_frames_the_dashboard_and_no_page_runs_a_script_of_its_own(visitor: Client) -> None:
    policy = visitor.get("/").headers["Content-Security-Policy"]

    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
