"""Thin events name what happened and to which object; the receiver fetches the rest."""

from __future__ import annotations

import pytest
import stripe
from flask import Flask, request

from stripe_emulator import Emulator
from stripe_emulator.events.deliveries import Reply

from ..shop import Shop, with_sdk_16

SECRET = "whsec_thin"


@pytest.fixture
def thin(shop: Shop) -> list[stripe.v2.core.EventNotification]:
    """What a second endpoint of the shop hears, as thin events."""
    heard: list[stripe.v2.core.EventNotification] = []
    app = Flask("thin")

    @app.post("/thin")
    def webhook() -> str:
        signature = request.headers["Stripe-Signature"]
        heard.append(shop.client.parse_event_notification(request.get_data(), signature, SECRET))
        return ""

    shop.emulator.connect(app, "/thin", SECRET, payload="thin")
    return heard


def destination(shop: Shop, **more: object) -> stripe.v2.core.EventDestination:
    form = {
        "name": "Ours",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["v1.customer.created"],
        "webhook_endpoint": {"url": "http://127.0.0.1:9/"},
        **more,
    }
    return shop.client.v2.core.event_destinations.create(form)  # type: ignore[arg-type]


@with_sdk_16
def test_a_paid_checkout_sends_a_thin_event_that_names_its_session(
    shop: Shop, thin: list[stripe.v2.core.EventNotification]
) -> None:
    session = shop.checkout()
    shop.emulator.pay(session)

    notification = thin[-1]
    assert isinstance(notification, stripe.events.V1CheckoutSessionCompletedEventNotification)
    assert notification.related_object.id == session.id
    assert notification.fetch_related_object().payment_status == "paid"


@with_sdk_16
def test_a_thin_event_leads_to_its_snapshot_and_both_endpoints_hear_theirs(
    shop: Shop, thin: list[stripe.v2.core.EventNotification]
) -> None:
    shop.v1.customers.create({"name": "Jo"}, {"idempotency_key": "jo"})
    assert shop.listen() == ["customer.created"]

    (notification,) = thin
    event = notification.fetch_event()

    assert event.snapshot_event == shop.heard_events[-1].id
    assert notification.reason is not None
    assert notification.reason.request is not None
    assert notification.reason.request.idempotency_key == "jo"


@with_sdk_16
def test_thin_events_are_listed_page_by_page_newest_first(shop: Shop) -> None:
    names = [shop.v1.customers.create({"name": str(number)}).id for number in range(5)]

    page = shop.client.v2.core.events.list({"limit": 2, "types": ["v1.customer.created"]})
    related_ids = [event.to_dict()["related_object"]["id"] for event in page.auto_paging_iter()]
    of_one = shop.client.v2.core.events.list({"object_id": names[3]}).data
    of_the_past = shop.client.v2.core.events.list({"created": {"lt": "2020-01-01T00:00:00Z"}}).data

    assert related_ids == names[::-1]
    assert [event.type for event in of_one] == ["v1.customer.created"]
    assert of_the_past == []


@with_sdk_16
def test_a_destination_hears_what_it_asked_for_while_it_is_enabled(shop: Shop) -> None:
    made = destination(shop)

    def pending() -> int:
        shop.v1.products.create({"name": "Pen"})
        shop.v1.customers.create({})
        return sum(event.pending_webhooks for event in shop.v1.events.list({"limit": 2}).data)

    heard = pending()
    shop.client.v2.core.event_destinations.disable(made.id)
    disabled = pending()
    shop.client.v2.core.event_destinations.enable(made.id)

    assert (heard, disabled, pending()) == (3, 2, 3)  # the shop's own endpoint hears both


def test_a_destination_shows_its_secret_once_and_its_url_when_asked(shop: Shop) -> None:
    made = destination(shop, include=["webhook_endpoint.signing_secret", "webhook_endpoint.url"])
    seen = shop.client.v2.core.event_destinations.retrieve(made.id)
    changed = shop.client.v2.core.event_destinations.update(
        made.id, {"webhook_endpoint": {"url": "http://127.0.0.1:8/"}, "include": ["webhook_endpoint.url"]}
    )

    assert made.webhook_endpoint is not None
    assert str(made.webhook_endpoint.signing_secret).startswith("whsec_")
    assert seen.webhook_endpoint is not None
    assert (seen.webhook_endpoint.signing_secret, seen.webhook_endpoint.url) == (None, None)
    assert changed.webhook_endpoint is not None
    assert changed.webhook_endpoint.url == "http://127.0.0.1:8/"
    assert [listed.id for listed in shop.client.v2.core.event_destinations.list().data] == [made.id]
    assert shop.client.v2.core.event_destinations.delete(made.id).id == made.id
    assert shop.client.v2.core.event_destinations.list().data == []


def test_a_thin_destination_takes_thin_types_only(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no thin event"):
        destination(shop, enabled_events=["customer.created"])


def test_a_rolled_secret_signs_beside_the_old_one_for_a_day(shop: Shop) -> None:
    (endpoint,) = shop.emulator.courier.connected
    signatures: list[str] = []

    def receive(body: bytes, headers: dict[str, str]) -> Reply:
        signatures.append(headers["Stripe-Signature"])
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
        return Reply(200, "")

    shop.emulator.courier.connected[endpoint] = receive
    secret = shop.emulator.roll_secret(endpoint)
    shop.v1.customers.create({})
    shop.emulator.deliver()
    shop.emulator.advance(days=1)
    shop.v1.customers.create({})
    shop.emulator.deliver()

    assert [signature.count("v1=") for signature in signatures] == [2, 1]


def test_the_secret_of_an_endpoint_of_the_api_can_be_rolled(shop: Shop, stripe_emulator: Emulator) -> None:
    made = shop.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    rolled = shop.emulator.browser().post("/_emulator/roll", json={"endpoint": made.id, "hours": 0})

    assert rolled.status_code == 200
    assert rolled.get_json()["secret"] != made.secret
    assert shop.emulator.browser().post("/_emulator/roll", json={"endpoint": "we_x"}).status_code == 404


def test_a_disabled_endpoint_gets_no_events(shop: Shop) -> None:
    made = shop.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    shop.v1.customers.create({})
    shop.v1.webhook_endpoints.update(made.id, {"disabled": True})
    shop.v1.customers.create({})
    shop.emulator.deliver()

    assert shop.emulator.state()["deliveries"] == {"delivered": 2, "gone": 1}
