"""What a tester does to the account, besides calling the API: pay, dispute, move the clock, break things.

Each function does its work in transactions of its own, and leaves deliveries to others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from stripe_emulator.api import chaos, request_log
from stripe_emulator.api.expand import render
from stripe_emulator.billing.invoices import collection
from stripe_emulator.checkout.completion import completion, session_intents
from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.lines import session_discounts
from stripe_emulator.checkout.lines import shipping as shipping_of
from stripe_emulator.checkout.sessions import custom_fields as custom_fields_of
from stripe_emulator.checkout.sessions import optional_items as optional_items_of
from stripe_emulator.checkout.sessions import payer_questions, paying
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core.database import saved, store
from stripe_emulator.core.database.settings import get_setting
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import CardError, InvalidRequest, NotFound, no_such
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, listeners
from stripe_emulator.payments.account import account, settlement
from stripe_emulator.payments.cards import cards
from stripe_emulator.payments.confirming import challenge_answers, confirmation
from stripe_emulator.payments.methods import method_forms
from stripe_emulator.payments.money_back import dispute_states

#: What neither a reset nor a state that is loaded changes: who listens, and what the account is called.
KEPT = (listeners.LISTENERS, account.NAME_SETTING)

#: Who a test's customer is, and where they live.
EMAIL, NAME = "customer@example.com", "Test Customer"
ADDRESS: Json = {"line1": "1 Test Street", "city": "Testville", "postal_code": "12345", "country": "US"}

#: What is typed where a page has a field for it: whether a session has it, and the parameter that makes it.
WHERE_ASKED: dict[str, tuple[Callable[[Json], bool], str]] = {
    "business_name": (payer_questions.asks_tax_id, "tax_id_collection"),
    "shipping": (lambda session: bool(shipping_of.countries(session)), "shipping_address_collection"),
    "tax_id": (payer_questions.asks_tax_id, "tax_id_collection"),
}


def pay(
    storage: Store,
    session_id: str,
    *,
    card: str = "4242424242424242",
    iban: str | None = None,
    email: str | None = None,
    name: str | None = None,
    keep_card: bool = False,
    challenge: str = "complete",
    shipping: Json | None = None,
    custom_fields: dict[str, str] | None = None,
    optional_items: list[str] | None = None,
    address: Json | None = None,
    tax_id: Json | None = None,
    business_name: str | None = None,
    promotion_code: str | None = None,
) -> Json:
    """What a customer does on the Checkout page, the bank's page included; return the session.

    :param session_id: The session's id, or the address of its page.
    :param iban: Of a bank account, to pay by SEPA debit instead of a card: the money comes when the
        clock has moved on (at once, or three minutes later by Stripe's test number), or never.
    :param challenge: "complete" or "fail", should the bank ask.
    :param shipping: The address that goods are sent to, where the page asks; by default one in the first
        country that it allows.
    :param custom_fields: What is typed into the shop's own fields, by their keys; by default what fits.
    :param optional_items: Prices of the items that the customer adds.
    :param address: A billing address; by default the customer's own, or a made-up one, where it is needed.
    :param tax_id: ``type`` and ``value``, where the session asks for them; ``business_name`` goes with it.
    :param promotion_code: What is typed as one.
    :raises InvalidRequest: The session asks for none of what is typed, or takes no such code.
    :raises CardError: The card was refused. The session stays open.
    """
    if challenge not in ("complete", "fail"):
        raise InvalidRequest('Invalid challenge: must be one of "complete" or "fail".', param="challenge")
    refused: CardError | None = None
    with storage.transaction():
        session = store.get(completion.KIND, session_id.rpartition("/")[2], param="session")
        besides = {"tax_id": tax_id, "business_name": business_name, "shipping": shipping}
        _must_ask(session, besides, custom_fields or {})
        if promotion_code is not None:
            session_discounts.enter_code(session, promotion_code)
            session_intents.sync_intent(session)
        typed = {"email": _email_of(session) or email or EMAIL, "name": name or NAME}
        method = (
            method_forms.new_card(cards.numbered(card), form={"billing_details": typed})
            if iban is None
            else method_forms.new_other(
                "sepa_debit", {"billing_details": typed, "sepa_debit": {"iban": iban}}
            )
        )
        payer = Payer(
            method,
            email or EMAIL,
            name or NAME,
            keep_card,
            phone="+15550100",
            address=address or _home_of(session),
            tax_id=tax_id,
            business_name=business_name,
            shipping=shipping or _somewhere(session),
            custom_fields=custom_fields_of.examples(session) | (custom_fields or {}),
        )
        try:
            for price in optional_items or []:
                optional_items_of.add(session, price)
            paying.pay(session, payer)
            if session_intents.waits_for_bank(session):
                intent = session_intents.intent_of(session)
                assert intent is not None
                challenge_answers.answer(intent, passed=challenge == "complete")
        except CardError as error:
            refused = error
        shown = render(session)
    if refused:
        raise refused
    return shown


def _must_ask(session: Json, details: Json, custom_fields: dict[str, str]) -> None:
    """:raises InvalidRequest: Something is typed for which the page has no field, or half a tax id."""
    for name, (asks, made_with) in WHERE_ASKED.items():
        if details[name] is not None and not asks(session):
            what = name.replace("_", " ")
            raise InvalidRequest(f"This session asks for no {what}: make it with {made_with}.", param=name)
    if details["tax_id"] is not None and details["tax_id"].keys() != {"type", "value"}:
        raise InvalidRequest("A tax id has a type and a value.", param="tax_id")
    known = [field["key"] for field in custom_fields_of.asked(session)]
    for key in custom_fields:
        if key not in known:
            raise InvalidRequest(
                f"This session has no custom field {key}. It has: {', '.join(known) or 'none'}.",
                param=f"custom_fields[{key}]",
            )


def _email_of(session: Json) -> str | None:
    """The address that the page shows and nobody types."""
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    known: str | None = session["customer_email"] or (customer or {}).get("email")
    return known


def _home_of(session: Json) -> Json | None:
    """The address of the session's customer, or a made-up one; none where nobody has to give one."""
    if not (payer_questions.needs_address(session) or taxes.is_automatic(session)):
        return None
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    return (customer or {}).get("address") or ADDRESS


def _somewhere(session: Json) -> Json:
    """An address that the session may ship to."""
    collection = session["shipping_address_collection"] or {"allowed_countries": ["US"]}
    return {**ADDRESS, "country": collection["allowed_countries"][0]}


def dispute(
    storage: Store,
    *,
    charge: str | None = None,
    dispute: str | None = None,
    amount: int | None = None,
    **how: str,
) -> Json:
    """Open a dispute on a charge (or on a payment, by its intent's id), change its amount, or end it.

    :param amount: Minor units that are disputed; by default all that was captured.
    :param how: ``reason`` to open with ("inquiry" for a mere question), or ``outcome``: "won", "lost",
        or "escalated", which makes a chargeback of an inquiry.
    """
    with storage.transaction():
        if dispute is not None:
            opened = store.get("dispute", dispute)
            if "outcome" not in how and amount is None:
                raise InvalidRequest(
                    "Missing required param: outcome.", code="parameter_missing", param="outcome"
                )
            if amount is not None:
                dispute_states.change_amount(opened, amount)
            return render(dispute_states.end(opened, how["outcome"]) if "outcome" in how else opened)
        if charge is None:
            raise InvalidRequest("Say either charge or dispute.", code="parameter_missing", param="charge")
        if charge.startswith("pi_"):
            charge = store.get("payment_intent", charge)["latest_charge"] or charge
        reason = how.get("reason", "fraudulent")
        return render(dispute_states.open_dispute(store.get("charge", charge), reason, amount=amount))


def answer_bank(storage: Store, intent_id: str, *, passed: bool) -> Json:
    """What the customer does on the bank's page; return the intent, which waited for it.

    :raises InvalidRequest: It does not wait for its bank.
    """
    with storage.transaction():
        intent = store.get("setup_intent" if intent_id.startswith("seti_") else "payment_intent", intent_id)
        if intent["status"] != "requires_action":
            raise InvalidRequest(f"{intent_id} is {intent['status']} and does not wait for its bank.")
        with suppress(CardError):  # a fact of the intent's
            challenge_answers.answer(intent, passed=passed)
        return render(intent)


def finish_debit(storage: Store, intent_id: str, *, succeeds: bool) -> Json:
    """Have the bank answer a debit that is processing now, not days later; return the intent.

    :raises InvalidRequest: It is not processing.
    """
    with storage.transaction():
        intent = store.get("payment_intent", intent_id)
        if intent["status"] != "processing":
            raise InvalidRequest(f"{intent_id} is {intent['status']}: no bank has to answer.")
        due_work.unschedule(intent_id, "payment_intent.bank_answers")
        method = store.get("payment_method", intent["payment_method"])
        confirmation.answer_debit(intent, method, succeeds=succeeds)
        return render(intent)


def advance(storage: Store, *, seconds: int | None = None, to: int | None = None) -> int:
    """Move the global clock; all that falls due on the way has happened when this returns.

    :return: The time that it is then.
    :raises InvalidRequest: Backwards, or out of bounds.
    """
    with storage.transaction():
        now = clock.now()
    target = to if to is not None else now + (seconds or 0)
    if not now <= target <= clock.LATEST:
        raise InvalidRequest(
            f"The clock goes forward only, and to {clock.LATEST} at most; it is {now} now.",
            param="to" if to is not None else "seconds",
        )
    due_work.advance(storage, target)
    return target


def reset(storage: Store, *, now: int | None = None, seed: int | None = None) -> None:
    """Forget everything but who listens, and start the clock at ``now``, or at the real time.

    :param seed: From then on the same calls get the same ids and times; the clock moves by ``advance`` only.
    """
    if now is not None and not 0 <= now <= clock.LATEST:
        raise InvalidRequest(f"now must be between 0 and {clock.LATEST}.", param="now")
    if seed is not None:
        storage.repeat(seed)
    with storage.transaction():
        store.clear(keep_settings=KEPT)
        if now is not None:
            clock.set_to(now)


def save(storage: Store, name: str) -> None:
    """Keep everything as it is now under a name; see ``core.database.saved``."""
    request_log.write(storage)
    saved.save(storage, name)


def load(storage: Store, name: str) -> None:
    """Go back to what was kept under a name; who listens stays."""
    saved.load(storage, name, keep_settings=KEPT)


def forget(storage: Store, name: str) -> None:
    """Throw away what was kept under a name."""
    saved.forget(storage, name)


def diff(storage: Store, name: str) -> Json:
    """What is other than in the state of this name: created, changed, deleted, and types of events since."""
    return saved.difference(storage, name)


def send_again(storage: Store, event: str, *, times: int = 1) -> None:
    """Hand an event out once more, so many times, to everyone who listens to its kind.

    :param event: An id, or a type such as ``checkout.session.completed`` for the latest of it.
    """
    if not 1 <= times <= 1000:
        raise InvalidRequest("times must be between 1 and 1000.", param="times")
    with storage.transaction():
        known = store.find("event", event)
        if known is None:
            latest = store.select("event", {"type": event})[-1:]
            if not latest:
                raise NotFound(no_such("event", event), code="resource_missing", param="event")
            known = latest[0]
        for _ in range(times):
            for endpoint in listeners.wanting(known["type"]):
                events.hand_over(known["id"], endpoint["id"])


def roll_secret(storage: Store, endpoint: str, *, hours: int = 24) -> str:
    """Give an endpoint a new secret, as Stripe's dashboard does, and return it.

    :param hours: How long events are signed with the old one, too; 0 ends it now.
    """
    if not 0 <= hours <= 24:
        raise InvalidRequest("hours must be between 0 and 24.", param="hours")
    with storage.transaction():
        return listeners.roll(endpoint, keep_old_s=3600 * hours)


def hear(storage: Store, types: object) -> None:
    """Let what was given by ``--webhook`` hear of events of these types only; ``["*"]`` is every type.

    :raises InvalidRequest: It is no list of types.
    """
    if not isinstance(types, list) or not types or not all(isinstance(name, str) and name for name in types):
        raise InvalidRequest(
            "events must be a list of types, such as checkout.session.completed.", param="events"
        )
    with storage.transaction():
        listeners.hear(types)


def rename(storage: Store, name: str) -> None:
    """Give the account another name, which its customers see on the pages.

    :raises InvalidRequest: It is empty, or longer than 100 characters.
    """
    with storage.transaction():
        account.rename(name)


def set_chaos(storage: Store, settings: Json) -> Json:
    """Make Stripe behave badly; the settings are those of ``chaos.configure``."""
    with storage.transaction():
        return chaos.configure(settings)


def set_dunning(storage: Store, settings: Json) -> Json:
    """Choose the retries of failed renewals; the settings are those of ``collection.configure``."""
    with storage.transaction():
        return collection.configure(settings)


def set_settlement(storage: Store, settings: Json) -> Json:
    """Choose the currencies of the account's balance; the settings are those of ``settlement.configure``."""
    with storage.transaction():
        return settlement.configure(settings)


def state(storage: Store) -> Json:
    """How much there is of what, what time it is, and what has yet to be delivered."""
    with storage.transaction(write=False) as transaction:
        counts = transaction.execute(
            "SELECT kind, count(*) FROM object GROUP BY kind ORDER BY kind"
        ).fetchall()
        deliveries = transaction.execute("SELECT status, count(*) FROM delivery GROUP BY status").fetchall()
        coming = transaction.execute("SELECT count(*), min(at) FROM due WHERE clock IS NULL").fetchone()
        by_status = dict(deliveries)
        return {
            "objects": dict(counts),
            "now": clock.now(),
            "wall": clock.wall(),
            "pending_deliveries": by_status.get("pending", 0),
            "deliveries": by_status,
            "due": {"count": coming[0], "next": coming[1], "failed": due_work.failed_work()},
            "chaos": get_setting(chaos.SETTING, {}),
            "saved": saved.names(storage),
        }
