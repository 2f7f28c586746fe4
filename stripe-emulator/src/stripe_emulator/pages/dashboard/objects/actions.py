"""The buttons on an object's page: what a customer, a bank, the shop or time may do to it.

What the API can do is done as the API does it, without its chaos.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from stripe_emulator import contract, controls
from stripe_emulator.api import routing
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import InvalidRequest, StripeError
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import decode
from stripe_emulator.payments.cards import cards
from stripe_emulator.payments.money_back import dispute_states

Form = Mapping[str, str]

#: A sum as somebody types it, in whole units of a currency.
_SUM = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")

#: The cards that a button offers to pay with: number -> what its bank does.
CARDS = {
    "4242424242424242": "4242, pays",
    "4000000000000002": "0002, is declined",
    "4000000000009995": "9995, has insufficient funds",
    "4000002760003184": "3184, asks its bank first",
    "4000000000000259": "0259, pays and is disputed",
}
#: The card that can be saved and then declines, and the one that pays.
_DECLINES, _PAYS = cards.BY_NAME["chargecustomerfail"], cards.BY_NAME["visa"]

#: Seconds from the end of a period until the renewal is paid: the draft waits for an hour.
_COLLECTED_AFTER = 3700


@dataclass(frozen=True)
class Field:
    """What a button asks for; ``choices`` is value -> label."""

    name: str
    label: str
    hint: str = ""
    choices: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Action:
    """One button: the object that it is for, what it does, and what it asks for."""

    label: str
    hint: str
    fits: Callable[[Json], bool]
    act: Callable[[Store, Json, Form], object]
    asks: tuple[Field, ...] = ()
    danger: bool = False


def of(value: Json) -> dict[str, Action]:
    """The buttons that an object has in its state, by the name in their address."""
    if value.get("deleted"):
        return {}
    return {name: action for name, action in ACTIONS.get(value["object"], {}).items() if action.fits(value)}


def _call(storage: Store, verb: str, path: str, **form: str | int) -> Json:
    """What a call to the API would do, in a transaction of its own; return the object.

    :raises StripeError: As the API refuses; a decline is recorded all the same.
    """
    refused: StripeError | None = None
    with storage.transaction():
        endpoint, values = routing.match(verb, path)
        assert endpoint.route is not None
        try:
            result: Json = endpoint.view(
                contract.read(endpoint.route, decode(urlencode(form))), *values.values()
            )
        except StripeError as error:
            if not error.keeps_work:
                raise
            refused = error
    if refused is not None:
        raise refused
    return result


def _post(path: str, **form: str | int) -> Callable[[Store, Json, Form], object]:
    """A button that is one call of the API; ``{id}`` in the path is the object's."""
    return lambda storage, value, _: _call(storage, "POST", path.format(id=value["id"]), **form)


def _is(*statuses: str) -> Callable[[Json], bool]:
    return lambda value: value["status"] in statuses


def _can_go_back(value: Json) -> bool:
    """Whether there is money of this payment, or charge, that is not refunded yet."""
    charge = value if value["object"] == "charge" else store.find("charge", value["latest_charge"] or "")
    return (
        charge is not None and bool(charge["paid"]) and charge["amount_captured"] > charge["amount_refunded"]
    )


def _can_be_disputed(value: Json) -> bool:
    return _can_go_back(value) and not (value["object"] == "charge" and value["disputed"])


def _refund(storage: Store, value: Json, form: Form) -> object:
    """The sum that was typed, in whole units of the currency, or all that is left."""
    typed = form.get("amount", "").strip().replace(",", "")
    more: dict[str, str | int] = {}
    if typed:
        # Looked at first: a number such as 1e999999 would take all memory to write out.
        minor = Decimal(typed) * 10 ** money.decimals(value["currency"]) if _SUM.fullmatch(typed) else 0
        if minor != int(minor) or not 0 < minor < 10**12:
            raise InvalidRequest(
                f"“{typed[:40]}” is no sum in {value['currency'].upper()}. Enter one such as 12.34.",
                param="amount",
            )
        more = {"amount": int(minor)}
    return _call(storage, "POST", "/v1/refunds", **{value["object"]: value["id"]}, **more)


def _dispute(storage: Store, value: Json, form: Form) -> object:
    return controls.dispute(storage, charge=value["id"], reason=form.get("reason", "fraudulent"))


def _close(outcome: str) -> Callable[[Store, Json, Form], object]:
    return lambda storage, value, _: controls.dispute(storage, dispute=value["id"], outcome=outcome)


def _pay_session(storage: Store, value: Json, form: Form) -> object:
    return controls.pay(storage, value["id"], card=form.get("card", _PAYS.number))


def _bank(*, passed: bool) -> Callable[[Store, Json, Form], object]:
    """The bank's customer answers its question."""
    return lambda storage, value, _: controls.answer_bank(storage, value["id"], passed=passed)


def _debit(*, succeeds: bool) -> Callable[[Store, Json, Form], object]:
    return lambda storage, value, _: controls.finish_debit(storage, value["id"], succeeds=succeeds)


def _give_card(name: str) -> Callable[[Store, Json, Form], object]:
    """Have a subscription pay with this test card from now on."""

    def act(storage: Store, value: Json, _: Form) -> object:
        method = _call(
            storage, "POST", f"/v1/payment_methods/pm_card_{name}/attach", customer=value["customer"]
        )
        return _call(storage, "POST", f"/v1/subscriptions/{value['id']}", default_payment_method=method["id"])

    return act


def _fails_next(value: Json) -> bool:
    method = store.find("payment_method", value["default_payment_method"] or "") or {}
    return method.get("_number") == _DECLINES.number


def _renews(value: Json) -> bool:
    """Whether the account's clock leads to a renewal; a test clock is moved by its own program."""
    return (
        value["status"] in ("active", "trialing")
        and not value["cancel_at_period_end"]
        and not value.get("test_clock")
    )


def _renew(storage: Store, value: Json, _: Form) -> object:
    ends = max(item["current_period_end"] for item in value["items"]["data"])
    with storage.transaction(write=False):
        to = max(clock.now(), ends + _COLLECTED_AFTER)
    return controls.advance(storage, to=to)


_REFUND = Action(
    "Refund",
    "Money back to the card, whole or in part.",
    _can_go_back,
    _refund,
    (Field("amount", "Amount", "Empty is all that is left."),),
)
_DISPUTE = Action(
    "Dispute",
    "The card's owner goes to the bank.",
    _can_be_disputed,
    _dispute,
    (
        Field(
            "reason",
            "Reason",
            choices={
                reason: reason.replace("_", " ").capitalize()
                for reason in sorted(dispute_states.REASONS, key=lambda reason: reason != "fraudulent")
            },
        ),
    ),
)
_ANSWERS = {
    "pass": Action("Bank says yes", "The customer confirms.", _is("requires_action"), _bank(passed=True)),
    "fail": Action(
        "Bank says no", "The customer fails to confirm.", _is("requires_action"), _bank(passed=False)
    ),
}

#: Kind -> name in the address -> button.
ACTIONS: dict[str, dict[str, Action]] = {
    "payment_intent": {
        "refund": _REFUND,
        "dispute": _DISPUTE,
        **_ANSWERS,
        "debit-succeeds": Action(
            "Debit succeeds", "The bank has the money.", _is("processing"), _debit(succeeds=True)
        ),
        "debit-fails": Action(
            "Debit fails", "The account is empty.", _is("processing"), _debit(succeeds=False)
        ),
        "capture": Action(
            "Capture",
            "Take what was authorized.",
            _is("requires_capture"),
            _post("/v1/payment_intents/{id}/capture"),
        ),
        "cancel": Action(
            "Cancel",
            "It can't be paid any more.",
            _is("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"),
            _post("/v1/payment_intents/{id}/cancel"),
            danger=True,
        ),
    },
    "setup_intent": _ANSWERS,
    "charge": {"refund": _REFUND, "dispute": _DISPUTE},
    "dispute": {
        "win": Action(
            "Win",
            "The money comes back.",
            _is("needs_response", "under_review", "warning_needs_response", "warning_under_review"),
            _close("won"),
        ),
        "lose": Action("Lose", "The money is gone.", _is("needs_response", "under_review"), _close("lost")),
        "escalate": Action(
            "Escalate",
            "The question becomes a chargeback.",
            _is("warning_needs_response", "warning_under_review"),
            _close("escalated"),
        ),
    },
    "checkout.session": {
        "pay": Action(
            "Pay",
            "What a customer does on the page.",
            _is("open"),
            _pay_session,
            (Field("card", "Card", choices=CARDS),),
        ),
        "expire": Action(
            "Expire",
            "It can't be paid any more.",
            _is("open"),
            _post("/v1/checkout/sessions/{id}/expire"),
            danger=True,
        ),
    },
    "subscription": {
        "renew": Action("Renew now", "Moves the clock to where the next period is paid.", _renews, _renew),
        "fail-renewal": Action(
            "Fail the next renewal",
            f"Pays with {_DECLINES.last4} from now on, which can be saved and then declines.",
            lambda value: value["status"] in ("active", "trialing", "past_due") and not _fails_next(value),
            _give_card("chargeCustomerFail"),
        ),
        "mend-card": Action(
            "Let it pay again",
            f"Pays with {_PAYS.last4} from now on.",
            lambda value: value["status"] in ("active", "trialing", "past_due") and _fails_next(value),
            _give_card("visa"),
        ),
        "cancel": Action(
            "Cancel now",
            "It ends at once.",
            _is("active", "trialing", "past_due", "unpaid", "incomplete", "paused"),
            lambda storage, value, _: _call(storage, "DELETE", f"/v1/subscriptions/{value['id']}"),
            danger=True,
        ),
    },
    "invoice": {
        "finalize": Action(
            "Finalize", "The draft becomes a bill.", _is("draft"), _post("/v1/invoices/{id}/finalize")
        ),
        "pay": Action("Pay", "With the card on file.", _is("open"), _post("/v1/invoices/{id}/pay")),
        "void": Action(
            "Void", "As if it had never been sent.", _is("open"), _post("/v1/invoices/{id}/void"), danger=True
        ),
    },
}
