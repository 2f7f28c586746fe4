"""One thing to do in the portal: change a plan, cancel it, leave another card; then back to the shop."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.billing.lifecycle import endings, states
from stripe_emulator.billing.metering import usage
from stripe_emulator.billing.portal import portal_flows
from stripe_emulator.billing.previews import previews
from stripe_emulator.catalog import pricing
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest, NotFound, StripeError
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects
from stripe_emulator.pages.common import card_form, problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.common.card_form import Refusal
from stripe_emulator.pages.portal import portal_session
from stripe_emulator.payments.confirming import challenges, setup_confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation
from stripe_emulator.payments.intents import setup_intents

pages = Blueprint("portal_flow", __name__)
pages.register_error_handler(StripeError, problem.page)


def page_of(session: Json) -> str | None:
    """The page that a session's flow begins at; None without a flow, and once it is done."""
    flow = session["flow"]
    if flow is None or session.get("_flow_done"):
        return None
    subscription_id = portal_flows.subscription_of(session)
    here = f"/portal/{session['id']}"
    if flow["type"] == "payment_method_update":
        return f"{here}/card"
    if flow["type"] == "subscription_cancel":
        return f"{here}/cancel/{subscription_id}"
    if flow["type"] == "subscription_update":
        return f"{here}/update/{subscription_id}"
    (item,) = flow["subscription_update_confirm"]["items"]
    quantity = "" if item["quantity"] is None else f"&quantity={item['quantity']}"
    return f"{here}/update/{subscription_id}?price={item['price']}{quantity}"


@pages.get("/portal/<session_id>/cancel/<subscription_id>")
def show_cancel(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """What canceling means, and a button for it."""
    with storage().transaction(write=False):
        session = portal_session.find(session_id, "subscription_cancel")
        return _page(session, "cancel", portal_session.own("subscription", subscription_id, session))


@pages.post("/portal/<session_id>/cancel/<subscription_id>")
def cancel(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """Cancel now or at the period's end, as configured; or stay, with the discount that is offered."""
    with storage().transaction():
        session = portal_session.find(session_id, "subscription_cancel")
        subscription = portal_session.own("subscription", subscription_id, session)
        coupon = _offered(session)
        if coupon is not None and request.form.get("do") == "stay":
            portal_session.update(subscription, {"discounts": [{"coupon": coupon}]})
            return _done(session, "kept")
        feature = portal_session.features(session)["subscription_cancel"]
        if feature["mode"] == "immediately":
            prorate = feature["proration_behavior"] != "none"
            endings.cancel(states.alive(subscription["id"]), {"prorate": prorate})
            return _done(session, "canceled")
        portal_session.update(subscription, {"cancel_at_period_end": True})
        return _done(session, "ends")


@pages.get("/portal/<session_id>/update/<subscription_id>")
def show_update(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """The prices to choose from; once one is chosen, what it costs."""
    with storage().transaction():
        session = portal_session.find(session_id, "subscription_update")
        subscription = portal_session.own("subscription", subscription_id, session)
        if "price" not in request.args:
            return _page(session, "choose", subscription, choices=_choices(session, subscription))
        wanted = _wanted(
            session, subscription, request.args.get("price", ""), request.args.get("quantity", "")
        )
        return _page(session, "confirm", subscription, wanted=wanted, due=_due(subscription, wanted))


@pages.post("/portal/<session_id>/update/<subscription_id>")
def update(session_id: str, subscription_id: str) -> ResponseReturnValue:
    """Change the plan to what was shown."""
    with storage().transaction():
        session = portal_session.find(session_id, "subscription_update")
        subscription = portal_session.own("subscription", subscription_id, session)
        form = request.form
        wanted = _wanted(session, subscription, form.get("price", ""), form.get("quantity", ""))
        flow = session["flow"] or {}
        given = (flow.get("subscription_update_confirm") or {}).get("discounts")
        if given:
            wanted["discounts"] = [
                {key: name for key, name in discount.items() if name} for discount in given
            ]
        try:
            portal_session.update(subscription, wanted)
        except InvalidRequest as error:
            choices = _choices(session, subscription)
            refusal = Refusal({"price": error.message})
            return _page(session, "choose", subscription, refusal, 422, choices=choices)
        return _done(session, "updated")


@pages.get("/portal/<session_id>/card")
def show_card(session_id: str) -> ResponseReturnValue:
    """The fields of a card that is to pay from now on; after the bank's page, done."""
    with storage().transaction():
        session = portal_session.find(session_id, "payment_method_update")
        intent = store.find("setup_intent", request.args.get("setup_intent", ""))
        if intent is None or intent["customer"] != session["customer"]:
            return _page(session, "card")
        if intent["status"] != "succeeded":
            error = intent["last_setup_error"] or {"message": "The card was not saved."}
            return _page(session, "card", refusal=Refusal({"card_number": error["message"]}))
        return _kept(session, intent)


@pages.post("/portal/<session_id>/card")
def leave_card(session_id: str) -> ResponseReturnValue:
    """Save a card and have it pay from now on; its bank may ask first."""
    with storage().transaction():
        session = portal_session.find(session_id, "payment_method_update")
        intent = setup_intents.new({"customer": session["customer"], "usage": "off_session"})
        back = f"{storage().base_url}/portal/{session_id}/card"
        try:
            setup_confirmation.confirm(intent, Confirmation(card_form.read(request.form), return_url=back))
        except Refusal as refusal:
            return _page(session, "card", refusal=refusal, status=422)
        except CardError as error:
            return _page(session, "card", refusal=Refusal({"card_number": error.message}), status=402)
        if intent["status"] == "requires_action":
            return redirect(challenges.url(intent), 303)
        return _kept(session, intent)


def _kept(session: Json, intent: Json) -> ResponseReturnValue:
    portal_session.make_default(store.get("payment_method", intent["payment_method"]), session)
    return _done(session, "default")


def _done(session: Json, word: str) -> ResponseReturnValue:
    """On to where the flow leads, or to the portal's own page."""
    flow = session["flow"]
    if flow is None or session.get("_flow_done"):
        return redirect(f"/portal/{session['id']}?done={word}", 303)
    objects.change(session, _flow_done=True)
    after = flow["after_completion"]
    if after["type"] == "redirect":
        return redirect(after["redirect"]["return_url"], 303)
    if after["type"] == "hosted_confirmation":
        return _page(session, "done", message=after["hosted_confirmation"]["custom_message"])
    return redirect(f"/portal/{session['id']}?done={word}", 303)


def _offered(session: Json) -> str | None:
    """The coupon that the flow offers to whoever stays."""
    details = (session["flow"] or {}).get("subscription_cancel") or {}
    retention = details.get("retention")
    coupon: str | None = retention["coupon_offer"]["coupon"] if retention else None
    return coupon


def _choices(session: Json, subscription: Json) -> list[Json]:
    """The prices that the configuration offers in the plan's currency; all that recur if it names none."""
    products = portal_session.features(session)["subscription_update"].get("products") or []
    named = {price_id for product in products for price_id in product["prices"]}
    currency = subscription["currency"]
    offered = store.select("price", {"type": "recurring", "active": True, "currency": currency})
    return [
        {**price, "name": store.get("product", price["product"])["name"]}
        for price in offered
        if price["id"] in named or (not named and store.get("product", price["product"])["active"])
    ]


def _wanted(session: Json, subscription: Json, price_id: str, quantity: str) -> Json:
    """The update of the plan's first item that was asked for.

    :raises NotFound: The portal does not offer that.
    """
    flow = session["flow"] or {}
    confirms = flow.get("subscription_update_confirm")
    offered = {price["id"] for price in _choices(session, subscription)}
    if confirms:
        offered = {item["price"] for item in confirms["items"]}
    if price_id not in offered:
        raise NotFound("There is no such plan in this portal.")
    item_id = confirms["items"][0]["id"] if confirms else subscription["items"]["data"][0]["id"]
    item: Json = {"id": item_id, "price": price_id}
    if not usage.is_metered(store.get("price", price_id)):
        item["quantity"] = (
            int(quantity) if quantity.isascii() and quantity.isdigit() and quantity != "0" else 1
        )
    behavior = portal_session.features(session)["subscription_update"]["proration_behavior"]
    return {"items": [item], "proration_behavior": behavior}


def _due(subscription: Json, wanted: Json) -> Json:
    """What the change costs at once, and what each period costs then."""
    (item,) = wanted["items"]
    price = store.get("price", item["price"])
    always = wanted["proration_behavior"] == "always_invoice"
    preview = previews.preview({"subscription": subscription["id"], "subscription_details": wanted})
    return {
        "name": store.get("product", price["product"])["name"],
        "next": preview["amount_due"],
        "now": always,
        "price": price,
        "quantity": item.get("quantity"),
        "each": pricing.total(price, item.get("quantity", 0)),
    }


def _page(
    session: Json,
    what: str,
    subscription: Json | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
    **more: object,
) -> ResponseReturnValue:
    coupon = _offered(session)
    page = render_template(
        "hosted/portal_flow.html",
        session=session,
        what=what,
        features=portal_session.features(session),
        plan=portal_session.shown(subscription) if subscription else None,
        offer=store.get("coupon", coupon) if coupon else None,
        refusal=refusal,
        typed={} if refusal is None else request.form,
        **more,
    )
    return page, status
