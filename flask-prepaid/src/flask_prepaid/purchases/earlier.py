"""Which page an attempt has opened before: sent again, it finds that one, whatever has changed since."""

from __future__ import annotations

from itertools import count

from ..context import Context, reading, transaction
from ..gateway.values import Checkout
from ..payments import payments
from ..payments.models import PaymentState, Via


def page(
    context: Context, owner: str, attempt: str | None, *, sent_digest: str | None
) -> tuple[str | None, Checkout | None]:
    """The page that the attempt has opened, while it can be paid and once it is; and the attempt's name.

    A page that has expired is followed by one under the next name, the same for all that ask again: of an
    attempt's pages one can be paid. Commits.

    :raises KeyReused: The attempt has asked for something else.
    :raises TooManyAttempts: The owner has had Stripe asked very often within a minute.
    """
    if attempt is None:
        return None, None
    for turn in count(1):
        name = attempt if turn == 1 else f"again-{turn}:{attempt}"
        with reading(context) as session:
            payment = payments.begun(session, owner, name, sent_digest)
            if payment is None or payment.via is not Via.CHECKOUT:
                return name, None
            session_id, state = payment.session_id, payment.state
        if session_id is None and state not in payments.FINAL:
            return name, None  # Stripe's answer was lost: it is asked again under the same name
        if session_id is None or state is PaymentState.EXPIRED:
            continue
        context.gateway.ask_limit.require(owner)
        opened = context.gateway.checkout.fetch(session_id)
        if opened is None:
            continue
        if opened.status != "expired":
            return name, opened
        with transaction(context):
            payments.apply(context, payment, opened)
    raise AssertionError("turns do not end")
