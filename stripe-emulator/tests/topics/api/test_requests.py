"""Keys, idempotency, errors, versions: what holds for every call."""

from __future__ import annotations

import base64
import json
import threading

import pytest
import stripe

from stripe_emulator import Emulator
from stripe_emulator.api.request import Call, Reply
from stripe_emulator.core.version import API_VERSION

from ..shop import Shop


def call(
    emulator: Emulator, verb: str, path: str, body: str = "", key: str = "Bearer sk_test_x", **headers: str
) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"authorization": key, "stripe-version": API_VERSION, **named}
    query, form = (body, b"") if verb == "GET" else ("", body.encode())
    return emulator.api.answer(Call(verb, path, query, sent, form))


def error_of(reply: Reply) -> dict[str, str]:
    error: dict[str, str] = json.loads(reply.body)["error"]
    return error


@pytest.mark.parametrize("key", ["sk_test_x", "rk_test_x"])
def test_any_test_key_opens_the_account_both_ways(stripe_emulator: Emulator, key: str) -> None:
    basic = "Basic " + base64.b64encode(f"{key}:".encode()).decode()

    assert call(stripe_emulator, "GET", "/v1/customers", key=f"Bearer {key}").status == 200
    assert call(stripe_emulator, "GET", "/v1/customers", key=basic).status == 200


@pytest.mark.parametrize(
    "key", ["", "Bearer sk_live_x", "Bearer x", "Basic !", "Bearer sk_test_", "Digest x"]
)
def test_no_other_key_does(stripe_emulator: Emulator, key: str) -> None:
    reply = call(stripe_emulator, "GET", "/v1/customers", key=key)

    assert (reply.status, error_of(reply)["type"]) == (401, "invalid_request_error")


def test_a_live_key_is_not_repeated_in_the_answer(stripe_emulator: Emulator) -> None:
    reply = call(stripe_emulator, "GET", "/v1/customers", key="Bearer sk_live_abcdefghijklmnop")

    assert "sk_live_************mnop" in error_of(reply)["message"]


def test_a_body_in_json_is_told_which_type_is_read(stripe_emulator: Emulator) -> None:
    sent = '{"email": "pat@example.com"}'

    reply = call(stripe_emulator, "POST", "/v1/customers", sent, content_type="application/json")

    assert reply.status == 400
    assert (
        "check that your POST content type is application/x-www-form-urlencoded" in error_of(reply)["message"]
    )


def test_a_publishable_key_sees_one_intent_by_its_secret(shop: Shop) -> None:
    intent = shop.charge()
    path = f"/v1/payment_intents/{intent.id}"
    key = "Bearer pk_test_x"

    assert call(shop.emulator, "GET", path, f"client_secret={intent.client_secret}", key).status == 200
    assert call(shop.emulator, "GET", path, "client_secret=guess", key).status == 401
    assert call(shop.emulator, "GET", path, "", key).status == 401
    assert error_of(call(shop.emulator, "GET", "/v1/customers", "", key))["code"] == "secret_key_required"


def test_a_publishable_key_sees_no_more_of_an_intent_than_a_browser_needs(shop: Shop) -> None:
    intent = shop.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "metadata": {"margin": "40 %"}, "customer": shop.customer()}
    )
    setup = shop.v1.setup_intents.create({"metadata": {"margin": "40 %"}})
    key, secret = "Bearer pk_test_x", f"client_secret={intent.client_secret}"
    card = "payment_method_data[type]=card&payment_method_data[card][token]=tok_chargeDeclined"
    back = "return_url=https://shop.test/"

    seen = call(shop.emulator, "GET", f"/v1/payment_intents/{intent.id}", secret, key)
    setup_seen = call(
        shop.emulator, "GET", f"/v1/setup_intents/{setup.id}", f"client_secret={setup.client_secret}", key
    )
    declined = call(
        shop.emulator, "POST", f"/v1/payment_intents/{intent.id}/confirm", f"{secret}&{card}&{back}", key
    )
    made = call(shop.emulator, "POST", "/v1/payment_methods", "type=card&card[token]=tok_visa", key)
    again = call(shop.emulator, "POST", f"/v1/payment_intents/{intent.id}/cancel", f"{secret}", key)

    shown = [json.loads(seen.body), json.loads(setup_seen.body), error_of(declined)["payment_intent"]]
    assert [each["id"] for each in map(dict, shown)] == [intent.id, setup.id, intent.id]
    for each in map(dict, shown):
        assert not each.keys() & {"metadata", "customer", "latest_charge", "amount_received", "application"}
        assert each["client_secret"]
    assert not {"metadata", "fingerprint"} & {*json.loads(made.body), *json.loads(made.body)["card"]}
    assert again.status == 401
    whole = json.loads(call(shop.emulator, "GET", f"/v1/payment_intents/{intent.id}").body)
    assert whole["metadata"] == {"margin": "40 %"}


def test_a_repeated_key_gets_the_first_answer_and_does_nothing(stripe_emulator: Emulator) -> None:
    first = call(stripe_emulator, "POST", "/v1/customers", "name=Jo", idempotency_key="k1")
    again = call(stripe_emulator, "POST", "/v1/customers", "name=Jo", idempotency_key="k1")

    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert stripe_emulator.state()["objects"]["customer"] == 1


def test_a_repeat_whose_parameters_come_in_another_order_is_the_same_request(
    stripe_emulator: Emulator,
) -> None:
    form, other = "name=Jo&metadata[a]=1&metadata[b]=2", "metadata[b]=2&metadata[a]=1&name=Jo"

    first = call(stripe_emulator, "POST", "/v1/customers", form, idempotency_key="k1")
    again = call(stripe_emulator, "POST", "/v1/customers", other, idempotency_key="k1")

    assert (again.status, again.body) == (200, first.body)


def test_a_repeated_key_with_other_parameters_is_refused(stripe_emulator: Emulator) -> None:
    call(stripe_emulator, "POST", "/v1/customers", "name=Jo", idempotency_key="k1")

    other = call(stripe_emulator, "POST", "/v1/customers", "name=Al", idempotency_key="k1")

    assert (other.status, error_of(other)["type"]) == (400, "idempotency_error")


def test_a_declined_card_is_declined_again_under_its_key_and_not_charged_anew(shop: Shop) -> None:
    form = "amount=2000&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true&off_session=true"

    first = call(shop.emulator, "POST", "/v1/payment_intents", form, idempotency_key="k1")
    again = call(shop.emulator, "POST", "/v1/payment_intents", form, idempotency_key="k1")

    assert (first.status, again.status, again.body) == (402, 402, first.body)
    assert shop.emulator.state()["objects"]["charge"] == 1


def test_a_key_is_free_again_after_a_day(stripe_emulator: Emulator) -> None:
    call(stripe_emulator, "POST", "/v1/customers", "name=Jo", idempotency_key="k1")
    stripe_emulator.advance(days=1)

    assert call(stripe_emulator, "POST", "/v1/customers", "name=Al", idempotency_key="k1").status == 200


def test_a_wrong_request_does_not_use_up_its_key(stripe_emulator: Emulator) -> None:
    wrong = call(stripe_emulator, "POST", "/v1/customers", "nmae=Jo", idempotency_key="k1")
    right = call(stripe_emulator, "POST", "/v1/customers", "name=Jo", idempotency_key="k1")

    assert (wrong.status, right.status) == (400, 200)


def test_of_many_at_once_with_one_key_one_works(stripe_emulator: Emulator) -> None:
    replies: list[Reply] = []

    def post() -> None:
        replies.append(call(stripe_emulator, "POST", "/v1/customers", "name=Jo", idempotency_key="k1"))

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {reply.status for reply in replies} <= {200, 409}
    assert stripe_emulator.state()["objects"]["customer"] == 1


def test_a_failed_request_leaves_nothing(shop: Shop) -> None:
    good = {"name": "Pen"}
    with pytest.raises(stripe.InvalidRequestError):
        shop.checkout(
            line_items=[
                {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 9, "product_data": good}}
            ]
        )

    assert shop.emulator.state()["objects"] == {}


def test_what_stripe_has_and_we_do_not_says_so_once(shop: Shop) -> None:
    with pytest.raises(stripe.APIError) as refused:
        shop.v1.climate.suppliers.list()

    assert refused.value.http_status == 501
    assert refused.value.headers is not None
    assert refused.value.headers["stripe-should-retry"] == "false"
    assert "GET /v1/climate/suppliers" in str(refused.value)


def test_an_unknown_url_is_stripes_404(stripe_emulator: Emulator) -> None:
    for path in ("/v1/no_such", "/v1/customers/cus_1/no_such/thing", "/elsewhere"):
        reply = stripe_emulator.browser().get(path, headers={"Authorization": "Bearer sk_test_x"})
        assert (reply.status_code, json.loads(reply.text)["error"]["type"]) == (404, "invalid_request_error")


def test_an_id_is_expanded_four_levels_deep_and_no_more(shop: Shop) -> None:
    customer = shop.v1.customers.create({})
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    intent = shop.charge(card.id, customer=customer.id)

    path = "latest_charge.payment_intent.payment_method.customer"
    deep = shop.v1.payment_intents.retrieve(intent.id, {"expand": [path]}).to_dict()

    deepest = deep["latest_charge"]["payment_intent"]["payment_method"]["customer"]
    assert deepest["id"] == customer.id
    for bad in (f"{path}.discount", "amount", "no_such", "latest_charge.no_such"):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.payment_intents.retrieve(intent.id, {"expand": [bad]})


def test_nothing_of_the_emulators_own_goes_out(shop: Shop) -> None:
    shop.emulator.pay(shop.checkout(payment_intent_data={"setup_future_usage": "off_session"}))
    paths = ("customers", "payment_intents", "payment_methods", "checkout/sessions", "charges", "events")

    for path in paths:
        reply = call(shop.emulator, "GET", f"/v1/{path}", "limit=100")
        assert json.loads(reply.body)["data"] != []
        assert '"_' not in reply.body


def test_a_browser_of_any_origin_may_ask_first(stripe_emulator: Emulator) -> None:
    preflight = stripe_emulator.browser().options(
        "/v1/payment_methods", headers={"Access-Control-Request-Headers": "authorization"}
    )

    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"
