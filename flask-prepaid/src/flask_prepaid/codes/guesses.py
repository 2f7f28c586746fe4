"""Who guesses at codes is slowed down: wrong ones are counted for an hour, by owner and by address.

A right one never counts. An owner who has paid once is held to their own guesses alone: whoever shares an
address with a guesser and is known here is not locked out with them.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns

from ..context import Context, transaction
from ..errors import TooManyGuesses
from ..payments.models import Payment, PaymentState
from .models import CodeGuess

log = logging.getLogger(__name__)

LATELY = timedelta(hours=1)
KEPT = timedelta(days=1)


def begin(context: Context, owner: str) -> CodeGuess:
    """Note a guess, and refuse it where too many went before; a right one is taken off by ``forgive``.

    Those of one owner, or from one address, wait for each other until the transaction ends, so that many at
    once are no more than many one after the other.

    :raises TooManyGuesses: This owner, or this address, has tried too many wrong codes lately.
    """
    session, config = context.session, context.config
    address = context.address if config.code_guesses_per_address else None
    take_turns(session, *(f"prepaid_code:{name}" for name in (owner, address) if name))
    guess = CodeGuess(owner=owner, address=address, at=context.clock())
    session.add(guess)
    session.flush()
    if config.code_guesses_per_hour:
        _refuse(context, CodeGuess.owner == owner, config.code_guesses_per_hour, owner)
    if address is not None and not _has_paid(session, owner):
        _refuse(context, CodeGuess.address == address, config.code_guesses_per_address, address)
    return guess


def forgive(session: Session, guess: CodeGuess) -> None:
    """Let a guess count no more that was right."""
    session.delete(guess)


def _refuse(context: Context, whose: ColumnElement[bool], limit: int, name: str) -> None:
    """Refuse the guess that is one more than ``limit``."""
    now = context.clock()
    lately = select(CodeGuess.at).where(whose, CodeGuess.at > now - LATELY)
    ats = list(context.session.scalars(lately.order_by(CodeGuess.at.desc()).limit(limit + 1)))
    if len(ats) <= limit:
        return
    log.warning("codes are refused: %s wrong ones within an hour, by %s", limit, name)
    raise TooManyGuesses(
        "Too many codes were tried that give nothing. Your credits are untouched; try again later.",
        retry_after_s=_seconds_until(ats[-1] + LATELY, now),
    )


def _seconds_until(at: datetime, now: datetime) -> int:
    return max(1, int((at - now).total_seconds()) + 1)


def _has_paid(session: Session, owner: str) -> bool:
    paid = select(Payment.id).where(Payment.owner == owner, Payment.state == PaymentState.PAID)
    return session.scalar(paid.limit(1)) is not None


def forget(context: Context) -> None:
    """Delete the guesses that count no more. Commits."""
    with transaction(context) as session:
        session.execute(delete(CodeGuess).where(CodeGuess.at < context.clock() - KEPT))
