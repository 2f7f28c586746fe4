"""``/_emulator/...``: the tester's verbs as JSON calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import hosts
from stripe_emulator.pages.common.account import storage

pages = Blueprint("controls", __name__)


@pages.before_request
def only_from_here() -> ResponseReturnValue | None:
    """Refuse what a page of another site sends. A program names no origin; a browser does in each POST."""
    if (refused := hosts.refuse_strange()) is not None:
        return refused
    origin = request.headers.get("Origin")
    if request.method != "POST" or origin is None or urlsplit(origin).netloc == request.host:
        return None
    return Response("A page of another site can't use the emulator's controls.\n", 403)


@pages.post("/_emulator/pay")
def pay() -> Response:
    """``{"session": "cs_...", "card": "4242..."}``, or ``iban``; and what the customer does besides.

    That is ``promotion_code``, ``keep_card``, ``email``, ``address``, ``challenge`` and so on.
    """
    form = _parameters(
        session=str,
        card=str,
        iban=str,
        email=str,
        name=str,
        keep_card=bool,
        challenge=str,
        shipping=dict,
        custom_fields=dict,
        optional_items=list,
        address=dict,
        tax_id=dict,
        business_name=str,
        promotion_code=str,
    )
    _must_be_texts(form, "shipping", "custom_fields", "optional_items", "address", "tax_id")
    return jsonify(controls.pay(storage(), _needed(form, "session"), **form))


@pages.post("/_emulator/dispute")
def dispute() -> Response:
    """``{"charge": "ch_..."}``, optionally ``reason``; or ``{"dispute": "dp_...", "outcome": "won"}``.

    ``amount`` with either: how much is disputed.
    """
    how = _parameters(charge=str, dispute=str, amount=int, reason=str, outcome=str)
    return jsonify(controls.dispute(storage(), **how))


@pages.post("/_emulator/advance")
def advance() -> Response:
    """``{"seconds": n}`` or ``{"to": unix}``."""
    form = _parameters(seconds=int, to=int)
    if len(form) != 1:
        raise InvalidRequest("Say either seconds or to.", code="parameter_missing", param="seconds")
    return jsonify({"now": controls.advance(storage(), **form)})


@pages.post("/_emulator/reset")
def reset() -> Response:
    """``{}``, ``{"now": unix}``, or ``{"seed": 7}`` for ids and times that can be repeated."""
    controls.reset(storage(), **_parameters(now=int, seed=int))
    return jsonify(controls.state(storage()))


@pages.post("/_emulator/save")
def save() -> Response:
    """``{"name": "..."}``: keep everything as it is now."""
    controls.save(storage(), _needed(_parameters(name=str), "name"))
    return jsonify(controls.state(storage()))


@pages.post("/_emulator/load")
def load() -> Response:
    """``{"name": "..."}``: go back to what was kept."""
    controls.load(storage(), _needed(_parameters(name=str), "name"))
    return jsonify(controls.state(storage()))


@pages.post("/_emulator/diff")
def diff() -> Response:
    """``{"name": "..."}``: what is other than in a state that was kept."""
    return jsonify(controls.diff(storage(), _needed(_parameters(name=str), "name")))


@pages.post("/_emulator/chaos")
def chaos() -> Response:
    """Settings such as ``{"duplicate": 0.5}``; ``{}`` ends it."""
    return jsonify(controls.set_chaos(storage(), _body()))


@pages.post("/_emulator/dunning")
def dunning() -> Response:
    """``{"retry_days": [3, 5, 7], "end": "cancel"}`` (or "unpaid", "past_due"); ``{}`` is the default."""
    return jsonify(controls.set_dunning(storage(), _body()))


@pages.post("/_emulator/settlement")
def settlement() -> Response:
    """``{"default": "eur", "currencies": ["eur", "gbp"]}``: its bank accounts; ``{}`` is dollars."""
    return jsonify(controls.set_settlement(storage(), _body()))


@pages.post("/_emulator/deliver")
def deliver() -> Response:
    """``{"event": "evt_...", "times": 2}``."""
    form = _parameters(event=str, times=int)
    controls.send_again(storage(), _needed(form, "event"), **form)
    return jsonify(controls.state(storage()))


@pages.post("/_emulator/roll")
def roll() -> Response:
    """``{"endpoint": "we_...", "hours": 24}``: a new secret, beside which the old one counts for so long."""
    form = _parameters(endpoint=str, hours=int)
    return jsonify({"secret": controls.roll_secret(storage(), _needed(form, "endpoint"), **form)})


@pages.post("/_emulator/hear")
def hear() -> Response:
    """``{"events": ["invoice.paid"]}``: what ``--webhook`` gave hears no others; ``["*"]`` ends it."""
    controls.hear(storage(), _parameters(events=list).get("events"))
    return jsonify(controls.state(storage()))


@pages.post("/_emulator/account")
def rename() -> Response:
    """``{"name": "..."}``: what the account is called, as customers see it on the pages."""
    controls.rename(storage(), _needed(_parameters(name=str), "name"))
    return jsonify(controls.state(storage()))


@pages.post("/_emulator/bank")
def bank() -> Response:
    """``{"payment": "pi_...", "succeeds": true}``: a bank debit that is processing ends now."""
    form = _parameters(payment=str, succeeds=bool)
    payment = _needed(form, "payment")
    return jsonify(controls.finish_debit(storage(), payment, succeeds=form.get("succeeds", True)))


@pages.get("/_emulator/state")
def state() -> Response:
    """Counts, clock, pending deliveries."""
    return jsonify(controls.state(storage()))


def _parameters(**types: Callable[..., Any]) -> Json:
    """The body's fields, each of the type it has to be.

    :raises InvalidRequest: An unknown field, or a wrong type.
    """
    body = _body()
    for name, value in body.items():
        wanted = types.get(name)
        if wanted is None:
            raise InvalidRequest(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        if type(value) is not wanted:
            raise InvalidRequest(f"Invalid {name}: {value!r}"[:200], param=name)
    return body


def _must_be_texts(form: Json, *names: str) -> None:
    """:raises InvalidRequest: A part of one of these is no text."""
    for name in names:
        whole = form.get(name, {})
        for part, text in whole.items() if isinstance(whole, dict) else enumerate(whole):
            if not isinstance(text, str):
                raise InvalidRequest(f"Invalid {name}[{part}]: {text!r}"[:200], param=f"{name}[{part}]")


def _body() -> Json:
    body = request.get_json(silent=True, force=True) if request.get_data() else {}
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def _needed(form: Json, name: str) -> str:
    if name not in form:
        raise InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)
    value: str = form.pop(name)
    return value
