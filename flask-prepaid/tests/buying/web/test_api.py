"""The JSON API, as a single-page app uses it; each answer is held against the API's own document."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from werkzeug.test import TestResponse

from flask_prepaid import Plan

from ..shop import Shop, ShopWith

API = "/prepaid/api"
PLANS = (
    Plan("small", credits=50, amount_minor=500, name="Small"),
    Plan("large", credits=200, amount_minor=1_500, name="Large", max_quantity=3),
    Plan("tried", credits=80, amount_minor=900, name="Tried", trial_days=7, trial_credits=5),
)


class App:
    """A single-page app in a customer's browser. What it is answered is as the document says."""

    def __init__(self, shop: Shop, owner: str | None = "user:1") -> None:
        self.shop = shop
        self.browser: FlaskClient = shop.browser(owner)
        self.document: dict[str, Any] = self.browser.get(f"{API}/openapi.json").get_json()
        self.token = ""

    def begin(self) -> App:
        self.token = self.ask("GET", "/session")["csrf_token"]
        return self

    def ask(self, method: str, path: str, *, status: int = 200, key: str = "", **body: Any) -> dict[str, Any]:
        """Call, and hold the answer against the document: its status, its shape, its headers."""
        answer = self.send(method, path, key=key, **body)
        assert answer.status_code == status, answer.text
        content: dict[str, Any] = answer.get_json()
        assert content["status"] == ("SUCCESS" if status == 200 else "FAILURE")
        assert answer.headers["Cache-Control"] == "no-store"
        self.hold_against_the_document(method, path, str(status), content)
        return content

    def send(self, method: str, path: str, *, key: str = "", **body: Any) -> TestResponse:
        headers = {"X-CSRF-Token": self.token, **({"Idempotency-Key": key} if key else {})}
        json = None if method == "GET" else body
        return self.browser.open(f"{API}{path}", method=method, json=json, headers=headers)

    def hold_against_the_document(self, method: str, path: str, status: str, content: dict[str, Any]) -> None:
        rules = self.shop.app.url_map.bind("localhost")
        endpoint, _ = rules.match(f"{API}{path.partition('?')[0]}", method=method)
        (rule,) = (rule for rule in self.shop.app.url_map.iter_rules(endpoint))
        template = rule.rule.removeprefix(API).replace("<", "{").replace(">", "}")
        responses = self.document["paths"][template][method.lower()]["responses"]
        schema = responses.get(status, responses["default"])["content"]["application/json"]["schema"]
        jsonschema.validate(content, {**schema, "components": self.document["components"]})

    def code(self, method: str, path: str, status: int, **body: Any) -> str:
        """The code of the error by which a call is refused."""
        return str(self.ask(method, path, status=status, **body)["error"]["code"])


@pytest.fixture
def shop(shop_with: ShopWith) -> Shop:
    return shop_with(PREPAID_JSON_API=True, plans=PLANS)


@pytest.fixture
def app(shop: Shop) -> App:
    return App(shop).begin()


def test_the_document_is_one_and_names_every_call(shop: Shop) -> None:
    document = App(shop).document

    assert list(OPENAPI_31_VALIDATOR.iter_errors(document)) == []
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    operations = {
        f"prepaid.api_{operation['operationId']}"
        for path in document["paths"].values()
        for operation in path.values()
    }
    served = {rule.endpoint for rule in shop.app.url_map.iter_rules() if "prepaid.api_" in rule.endpoint}
    assert operations == served - {"prepaid.api_no_call"}


def test_a_shop_that_does_not_switch_it_on_has_none(shop_with: ShopWith) -> None:
    assert shop_with().browser().get(f"{API}/balance").status_code == 404


def test_a_pack_is_bought_on_stripes_page_and_the_app_is_told(shop: Shop, app: App) -> None:
    (starter, *_) = app.ask("GET", "/prices")["packs"]
    assert (starter["slug"], starter["price"]) == ("starter", "$5.00")

    page = app.ask("POST", "/checkout", pack="starter", return_path="/app#/paid", key="wish 1")
    again = app.ask("POST", "/checkout", pack="starter", return_path="/app#/paid", key="wish 1")
    at_stripe = shop.dashboard().v1.checkout.sessions.retrieve(page["session_id"])
    before = app.ask("GET", f"/checkout/{page['session_id']}")
    shop.pay(page["session_id"])
    after = app.ask("GET", f"/checkout/{page['session_id']}")

    assert again["session_id"] == page["session_id"]
    assert at_stripe.success_url == "http://localhost/app?session_id={CHECKOUT_SESSION_ID}#/paid"
    assert (before["payment"]["state"], before["balance"]) == ("open", 0)
    assert (after["payment"]["state"], after["balance"], after["payment"]["card"]) == (
        "paid",
        100,
        "Visa 4242",
    )
    assert app.code("POST", "/checkout", 409, pack="bonus", key="wish 1") == "key_reused"
    stranger = App(shop, "user:2").begin()
    assert stranger.code("GET", f"/checkout/{page['session_id']}", 404) == "not_found"
    assert stranger.code("GET", f"/payments/{after['payment']['id']}", 404) == "not_found"


def test_a_saved_card_pays_once_and_the_bank_is_answered(shop: Shop, app: App) -> None:
    page = app.ask("POST", "/cards", elements=True)
    assert page["url"] is None
    assert page["client_secret"]
    shop.stripe.pay(page["session_id"])
    (card,) = app.ask("GET", "/cards")["cards"]
    wish = {
        "credits": 60,
        "saved_card": card["id"],
        "max_minor": app.ask("GET", "/total?credits=60")["with_tax_minor"],
    }

    paid = app.ask("POST", "/charge", key="wish", **wish)
    again = app.ask("POST", "/charge", key="wish", **wish)

    assert (paid["payment"]["state"], paid["next_action"], paid["balance"]) == ("paid", None, 60)
    assert again["payment"]["id"] == paid["payment"]["id"]
    assert len(shop.charges()) == 1
    assert app.code("POST", "/charge", 422, **wish) == "unknown_item"  # no key: a retry would pay twice
    assert app.code("POST", "/charge", 422, key="other", **{**wish, "saved_card": "pm_1"}) == "unknown_item"

    asking = shop.keep_card("user:2", number="4000002760003184")
    other = App(shop, "user:2").begin()
    other_wish: dict[str, Any] = {"pack": "starter", "saved_card": asking, "return_path": "/app#/bought"}
    elsewhere = {**other_wish, "return_path": "//evil.example"}
    assert other.code("POST", "/charge", 422, key="1", **elsewhere) == "unknown_item"
    assert shop.payments("user:2") == []
    waiting = other.ask("POST", "/charge", key="1", **other_wish)
    assert waiting["payment"]["state"] == "open"
    assert waiting["next_action"]["client_secret"].startswith(
        str(shop.payments("user:2")[0].payment_intent_id)
    )
    path = f"/payments/{waiting['payment']['id']}/resume"
    resumed = other.ask("POST", path, return_path="/app?by=resume")
    answered = shop.answer_bank(resumed["next_action"]["url"], "complete")
    assert answered.location.startswith(f"http://localhost/app?by=resume&payment={waiting['payment']['id']}&")
    done = other.ask("GET", f"/payments/{waiting['payment']['id']}")
    assert (done["payment"]["state"], done["balance"]) == ("paid", 100)


def test_a_declined_card_says_why(shop: Shop, app: App) -> None:
    card = shop.keep_card(number="4000000000000341")

    failed = app.ask("POST", "/charge", key="1", pack="starter", saved_card=card)

    assert (failed["payment"]["state"], failed["balance"]) == ("failed", 0)
    assert failed["payment"]["failure"] == "Your bank declined the card and gave no reason."


def test_auto_top_up_without_a_card_is_refused_and_says_why(shop: Shop, app: App) -> None:
    refused = app.ask("PUT", "/top-up", status=409, pack="starter", threshold=50, times=3)["error"]

    assert refused["code"] == "no_card"
    assert refused["message"] == "Save a card first: a top-up is charged to the card that pays by default."
    assert app.ask("GET", "/top-up")["top_up"] is None


def test_cards_and_auto_top_up(shop: Shop, app: App) -> None:
    for number in ("4242424242424242", "5555555555554444"):
        shop.keep_card(number=number)
    first, second = (card["id"] for card in app.ask("GET", "/cards")["cards"])
    assert [card["id"] for card in app.ask("POST", f"/cards/{second}/default")["cards"]] == [second, first]
    corrected = app.ask("PUT", f"/cards/{first}", exp_month=1, exp_year=2044, name="Pat", country="DE")[
        "cards"
    ][1]
    assert (corrected["exp_year"], corrected["name"]) == (2044, "Pat")
    assert app.code("PUT", f"/cards/{first}", 422, exp_month=1, exp_year=2020) == "unknown_item"

    assert app.ask("GET", "/top-up")["top_up"] is None
    on = app.ask("PUT", "/top-up", pack="starter", threshold=50, times=3)["top_up"]
    assert (on["on"], on["threshold"], on["times"], on["currency"]) == (True, 50, 3, "usd")
    for body in ({}, {"sure": False}, {"sure": None}):
        assert app.code("DELETE", f"/cards/{second}", 409, **body) == "card_in_use"
    left = app.ask("DELETE", f"/cards/{second}", sure=True)["cards"]
    assert [(card["id"], card["is_default"]) for card in left] == [(first, True)]
    assert app.ask("DELETE", "/top-up")["top_up"]["on"] is False
    assert app.ask("DELETE", f"/cards/{second}", sure=True)["cards"] == left, "a repeat does nothing"


def test_a_plan_from_its_first_day_to_its_last(shop: Shop, app: App) -> None:
    assert app.ask("GET", "/plan")["plan"] is None
    opened = app.ask("POST", "/plan", plan="small", return_path="/app")["opened"]
    shop.stripe.pay(opened["session_id"])
    begun = app.ask("GET", f"/plan/checkout/{opened['session_id']}")
    assert (begun["plan"]["slug"], begun["plan"]["state"], begun["balance"]) == ("small", "active", 50)
    assert begun["plan"]["can"] == ["change", "cancel", "pause", "card"]
    assert app.code("POST", "/plan", 409, plan="large") == "plan_refused"

    preview = app.ask("GET", "/plan/change?plan=large&quantity=2")
    terms = {name: preview[name] for name in ("plan", "quantity", "proration_date", "due_minor")}
    assert app.code("POST", "/plan/change", 409, **{**terms, "due_minor": 1}) == "plan_refused"
    changed = app.ask("POST", "/plan/change", **terms)
    assert (changed["plan"]["slug"], changed["plan"]["quantity"]) == ("large", 2)
    assert changed["balance"] == 50 + preview["credits"]

    ending = app.ask("POST", "/plan/cancel")["plan"]
    assert ending["ends_at"] == ending["paid_until"]
    assert ending["can"] == ["cancel", "keep", "card"]
    assert app.ask("POST", "/plan/keep")["plan"]["ends_at"] is None
    assert app.ask("POST", "/plan/pause")["plan"]["state"] == "paused"
    assert app.ask("POST", "/plan/resume")["plan"]["state"] == "active"
    assert app.ask("POST", "/plan/card", saved_card=shop.saved_card())["plan"]["owed_minor"] == 0
    assert app.ask("POST", "/plan/cancel", when="now")["plan"] is None


def test_a_plan_says_whether_its_period_is_paid(shop: Shop, app: App) -> None:
    """A renewal is charged an hour after its period has begun; until then, nothing of it is paid."""
    app.ask("POST", "/plan", plan="small", saved_card=shop.keep_card())
    begun = app.ask("GET", "/plan")["plan"]
    renewal = datetime.fromisoformat(begun["paid_until"])

    shop.stripe.advance(seconds=int((renewal - shop.now()).total_seconds()) + 300)
    renewed = app.ask("GET", "/plan")["plan"]
    shop.stripe.advance(hours=2)
    charged = app.ask("GET", "/plan")["plan"]

    assert renewed["paid_until"] > begun["paid_until"]
    assert [plan["is_paid"] for plan in (begun, renewed, charged)] == [True, False, True]


def test_a_saved_card_begins_a_plan_in_one_call(shop: Shop, app: App) -> None:
    card = shop.keep_card()

    begun = app.ask("POST", "/plan", plan="tried", saved_card=card, trial=True)

    assert (begun["opened"], begun["plan"]["state"], app.ask("GET", "/balance")["balance"]) == (
        None,
        "trialing",
        5,
    )


def test_where_the_credits_went(shop: Shop, app: App) -> None:
    for _ in range(2):
        shop.pay(shop.buy())

    def spend() -> None:
        for number in range(3):
            shop.prepaid.spend_now("user:1", credits=5, key=f"report:{number}", item="report")

    shop.read(spend)

    balance = app.ask("GET", "/balance")
    assert (balance["balance"], balance["available"], [lot["left"] for lot in balance["lots"]]) == (
        185,
        185,
        [85, 100],
    )
    newest = app.ask("GET", "/entries?limit=3")
    older = app.ask("GET", f"/entries?limit=3&cursor={newest['next_cursor']}")
    assert [entry["credits"] for entry in newest["entries"] + older["entries"]] == [-5, -5, -5, 100, 100]
    assert older["next_cursor"] is None
    (usage,) = app.ask("GET", "/usage?by=item")["usage"]
    assert (usage["item"], usage["credits"], usage["calls"]) == ("report", 15, 3)
    statement = app.ask("GET", "/statement")
    assert statement["opening"] + sum(statement["by_kind"].values()) == statement["closing"] == 185
    first = app.ask("GET", "/payments?limit=1")
    second = app.ask("GET", f"/payments?limit=1&cursor={first['next_cursor']}")
    assert first["payments"][0]["id"] > second["payments"][0]["id"]
    assert second["next_cursor"] is None


def test_a_code_gives_its_credits(shop: Shop, app: App) -> None:
    shop.read(lambda: shop.prepaid.make_code("HELLO", credits=7))

    redeemed = app.ask("POST", "/redeem", code="hello")

    assert (redeemed["credits"], redeemed["balance"]) == (7, 7)
    assert app.code("POST", "/redeem", 422, code="nonsense") == "code_refused"


def test_the_shop_stops_selling_here_too(shop: Shop, app: App) -> None:
    card = shop.keep_card()
    state = shop.read(lambda: shop.prepaid.state)
    state.config = replace(state.config, selling=False)

    for path, body in (
        ("/checkout", {"pack": "starter"}),
        ("/charge", {"pack": "starter", "saved_card": card, "key": "1"}),
        ("/plan", {"plan": "small"}),
        ("/cards", {}),
    ):
        assert app.code("POST", path, 503, **body) == "buying_paused", path


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/checkout", {"pack": "starter"}),
        ("/checkout", {"pack": "starter", "elements": True}),
        ("/plan", {"plan": "small"}),
    ],
)
def test_a_page_that_does_not_open_charges_nothing_and_one_that_was_opened_may_have(
    shop: Shop, app: App, path: str, body: dict[str, Any]
) -> None:
    shop.stripe.chaos(lost_reply=1.0)
    lost = app.ask("POST", path, status=503, key="wish 1", **body)["error"]
    shop.stripe.chaos()
    assert app.ask("POST", path, key="wish 1", **body)
    shop.stripe.chaos(api_500=1.0)
    opened = app.ask("POST", path, status=503, key="wish 1", **body)["error"]

    assert lost["message"].endswith("No card was charged, so you can try again.")
    assert "do not pay twice" in opened["message"]
    assert lost["code"] == opened["code"] == "gateway_unavailable"


def test_a_page_that_a_host_could_not_open_charges_nothing(shop: Shop) -> None:
    @shop.app.get("/sell")
    def sell() -> str:
        return shop.prepaid.checkout(
            "user:1",
            pack="starter",
            success_url="https://shop.example/paid",
            cancel_url="https://shop.example/",
        )

    shop.stripe.chaos(api_500=1.0)
    answer = shop.browser().get("/sell", headers={"Accept": "text/html"})

    assert answer.status_code == 503
    assert "Nothing was charged</h1>" in answer.text
    assert "No card was charged, so you can try again." in answer.text


def test_nobody_and_no_key_and_no_other_site_gets_in(shop: Shop, app: App) -> None:
    nobody = App(shop, None)
    assert nobody.code("GET", "/balance", 401) == "unauthenticated"
    assert nobody.code("POST", "/checkout", 401, pack="starter") == "unauthenticated"
    other_site = App(shop)
    assert other_site.code("POST", "/checkout", 400, pack="starter") == "form_expired"
    other_site.token = "guessed"
    assert other_site.code("DELETE", "/top-up", 400) == "form_expired"
    as_form = app.browser.post(f"{API}/checkout", data={"pack": "starter", "csrf_token": app.token})
    assert as_form.get_json()["error"]["code"] == "form_expired"


def test_a_host_with_flask_wtf_takes_its_token(shop: Shop) -> None:
    CSRFProtect(shop.app)
    app = App(shop)
    assert app.code("POST", "/checkout", 400, pack="starter") == "form_expired"

    app.begin()

    assert app.ask("POST", "/checkout", pack="starter")["url"]


#: A body of a purchase, and the code by which it is refused.
BODIES = [
    (b"[]", "malformed"),
    (b'{"pack": "starter"', "malformed"),
    (b'{"pack": "starter", "pack": "gift"}', "malformed"),
    (b"[" * 50_000, "malformed"),
    (b'{"pack": "' + b"a" * 70_000 + b'"}', "malformed"),
    (b"", "unknown_item"),
    (b'{"pack": 7}', "unknown_item"),
    (b'{"pack": "nothing"}', "unknown_item"),
    (b'{"pack": "\\u0000"}', "unknown_item"),
    (b'{"pack": "\\ud800"}', "unknown_item"),
    (b'{"credits": true}', "unknown_item"),
    (b'{"credits": 1e3}', "unknown_item"),
    (b'{"credits": -1}', "unknown_item"),
    (b'{"credits": 10, "pack": "starter"}', "unknown_item"),
    (b'{"amount_minor": 1, "pack": "starter"}', "unknown_item"),
    (b'{"\\ud800": 1}', "unknown_item"),
    (b'{"pack": "starter", "return_path": "//evil.example"}', "unknown_item"),
    (b'{"pack": "starter", "return_path": "/\\\\evil.example"}', "unknown_item"),
    (b'{"pack": "starter", "return_path": "https://evil.example"}', "unknown_item"),
    (b'{"pack": "starter", "currency": "xxx", "keep_card": "yes"}', "unknown_item"),
]


def test_a_body_that_is_none_is_refused_by_its_field(app: App) -> None:
    headers = {"X-CSRF-Token": app.token, "Content-Type": "application/json"}

    for sent, code in BODIES:
        answer = app.browser.post(f"{API}/checkout", data=sent, headers=headers)

        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (400 if code == "malformed" else 422, code), sent[:80]
        assert code == "malformed" or error["param"]


def test_a_parameter_that_is_none_is_named(app: App) -> None:
    for path in (
        "/entries?limit=0",
        "/entries?cursor=x",
        "/payments?cursor=-1",
        "/payments?limit=1e3",
        "/usage?by=year",
        "/usage?from=2026-02-31",
        "/statement?from=2026-01-01&to=2020-01-01",
        "/total?credits=x",
    ):
        assert app.ask("GET", path, status=422)["error"]["param"] in path


def test_no_value_of_another_type_is_taken_and_none_breaks_a_call(app: App) -> None:
    """``false`` is a value like any other: it is not what was left out."""
    wrong: tuple[Any, ...] = (-1, 0, 10**12, 10**30, 1.5, False, "\u0663", [], {}, "x" * 1_001)
    cards = app.ask("GET", "/cards")["cards"]
    for method, path, body in (
        ("POST", "/charge", {"pack": "starter", "saved_card": "pm_1", "max_minor": 500}),
        ("POST", "/checkout", {"credits": 50, "keep_card": True}),
        ("PUT", "/top-up", {"pack": "starter", "threshold": 5, "times": 2}),
        ("POST", "/plan", {"plan": "large", "quantity": 2}),
        ("PUT", "/cards/pm_1", {"exp_month": 1, "exp_year": 2040, "country": "DE"}),
    ):
        for field in body:
            for value in wrong:
                answer = app.send(method, path, key=f"{field} {value}"[:200], **{**body, field: value})
                fine = field == "keep_card" and value is False
                assert (answer.status_code == 200) == fine, (path, field, value, answer.text)
                assert answer.status_code < 500, (path, field, value)
                assert answer.get_json()["status"] == ("SUCCESS" if fine else "FAILURE")
    assert app.ask("GET", "/cards")["cards"] == cards


def test_an_address_without_a_call_answers_in_the_apis_shape(app: App) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/balance/", 404),
        ("DELETE", "/cards/", 404),
        ("GET", "/checkout/a/b", 404),
        ("GET", "/charge", 405),
        ("PATCH", "/top-up", 405),
    ):
        answer = app.send(method, path)
        assert (answer.status_code, answer.get_json()["status"]) == (status, "FAILURE"), path
        assert ("Allow" in answer.headers) == (status == 405)
    assert app.send("PATCH", "/top-up").headers["Allow"] == "DELETE, GET, PUT"


def test_a_body_in_chunks_is_no_longer_than_others(app: App) -> None:
    sent = BytesIO(b'{"code": "' + b"x" * 70_000 + b'"}')
    headers = {"X-CSRF-Token": app.token, "Transfer-Encoding": "chunked", "Content-Type": "application/json"}

    answer = app.browser.post(
        f"{API}/redeem", input_stream=sent, headers=headers, environ_overrides={"wsgi.input_terminated": True}
    )

    assert (answer.status_code, answer.get_json()["error"]["message"]) == (400, "Send 64 KB at most.")
    assert sent.tell() < 70_000


def test_a_card_keeps_what_is_not_sent(shop: Shop, app: App) -> None:
    page = app.ask("POST", "/cards", elements=True)
    shop.stripe.pay(page["session_id"])
    (card,) = app.ask("GET", "/cards")["cards"]
    path = f"/cards/{card['id']}"
    address: Any = {"line1": "Main Street 1", "city": "Bonn", "country": "DE"}
    app.ask("PUT", path, exp_month=5, exp_year=2040, name="Ann", **address)

    app.ask("PUT", path, exp_month=6, exp_year=2041)
    too_long = app.ask("PUT", path, status=422, exp_month=5, exp_year=2040, country="Germany")

    kept = shop.dashboard().v1.payment_methods.retrieve(card["id"]).billing_details
    assert kept is not None
    assert kept.address is not None
    assert (kept.name, kept.address.line1, kept.address.country) == ("Ann", "Main Street 1", "DE")
    assert too_long["error"]["param"] == "country"


def test_the_document_of_an_app_below_a_path_names_it(shop: Shop) -> None:
    answer = shop.browser().get(f"{API}/openapi.json", environ_overrides={"SCRIPT_NAME": "/shop"})
    assert answer.get_json()["servers"] == [{"url": f"/shop{API}"}]
