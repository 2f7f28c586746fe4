"""Which page a wish has opened before: sent again, it finds that one, whatever has changed since."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ...context import Context, reading, transaction
from ...gateway.values import Checkout
from ...payments import payments
from ...payments.models import PaymentState, Via
from ...payments.outcome import applying, transitions
from ...payments.wishes import Wish


def page(context: Context, owner: str, wish: Wish) -> tuple[Wish, Checkout | None]:
    """The page that the wish has opened, while it can be paid and once it is; and the wish by its name now.

    A page that has expired is followed by one under the next name, the same for all that ask again: of a
    wish's pages one can be paid. Commits.

    :raises KeyReused: The name of the wish has asked for something else.
    :raises TooManyAttempts: The owner has had Stripe asked very often within a minute.
    """
    if wish.name is None:
        return wish, None
    for turn in count(1):
        now = wish if turn == 1 else replace(wish, name=f"again-{turn}:{wish.name}")
        with reading(context) as session:
            payment = payments.begun(session, owner, now)
            if payment is None or payment.via is not Via.CHECKOUT:
                return now, None
            session_id, state = payment.session_id, payment.state
        if session_id is None and state not in transitions.FINAL:
            return now, None  # Stripe's answer was lost: it is asked again under the same name
        if session_id is None or state is PaymentState.EXPIRED:
            continue
        context.gateway.ask_limit.require(owner)
        opened = context.gateway.checkout.fetch(session_id)
        if opened is None:
            continue
        if opened.status != "expired":
            return now, opened
        with transaction(context):
            applying.apply(context, payment, opened)
    raise AssertionError("turns do not end")
