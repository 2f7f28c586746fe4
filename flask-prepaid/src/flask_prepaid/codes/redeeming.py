"""Redeem a code: the claim and its grants are one commit, however many come at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import check_key, check_owner
from prepaid_ledger.database import insert, raising_busy
from prepaid_ledger.errors import KeyReused

from .. import signals
from ..context import Context, reading, refuse_uncommitted, transaction
from ..errors import CodeRefused
from ..languages.words import marked
from ..payments.customers import removal
from . import finding, guesses
from .models import Code, CodeClaim

#: One answer for a code that is mistyped, was never made, is off, over or used up: the honest read what it
#: may be, and who guesses does not learn that a code ever was.
GIVES_NOTHING = marked(
    "This code gives nothing: it is mistyped, or over, or used up. Look at its letters again; blanks, dashes "
    "and small letters make no difference."
)
HAVE_IT = marked("You have redeemed this code already. Its credits are in your wallet.")
OWN_CODE = marked(
    "This is your own code. Give it to somebody else: you both get credits when they redeem it."
)
KNOW_EACH_OTHER = marked("One of you two has redeemed a code of the other's already. It counts once.")
SHUT_OUT = marked("This account is closed or blocked, so it can't redeem a code.")


def redeem(context: Context, owner: str, code: str, *, key: str | None = None) -> CodeClaim:
    """Give ``owner`` what a code gives. Commits.

    :param key: Names this wish: sent again, it is redeemed once.
    :raises CodeRefused: It gives this owner nothing. The message says why, as far as they may know.
    :raises KeyReused: The key has redeemed another code.
    :raises TooManyGuesses: This owner, or this address, has tried too many wrong codes lately.
    :raises Busy: The database did not get to it. Nothing was given; try again.
    """
    refuse_uncommitted(context)
    check_owner(owner)
    if key is not None:
        check_key(key)
    _refuse_shut_out(context, owner)
    referrer_is_fit = _referrer_is_fit(context, code)
    with raising_busy(), transaction(context) as session:
        guess = guesses.begin(context, owner)
        row = finding.find(session, code)
        claim = _claim(context, owner, row, key, referrer_is_fit) if row is not None else None
        if claim is not None:
            guesses.forgive(session, guess)
    if claim is None:
        raise CodeRefused(GIVES_NOTHING)
    return claim


def _refuse_shut_out(context: Context, owner: str) -> None:
    """
    :raises CodeRefused: The host has shut the owner out, or their account is closed.
    """
    with reading(context) as session:
        closed = removal.is_closed(session, owner)
    if closed or context.is_blocked(owner):
        raise CodeRefused(SHUT_OUT)


def _referrer_is_fit(context: Context, code: str) -> bool:
    """Whether the code has a referrer who gets anything: who is shut out gets nothing, their friend does."""
    with reading(context) as session:
        row = finding.find(session, code)
        referrer = row.referrer if row is not None else None
        closed = referrer is not None and removal.is_closed(session, referrer)
    return referrer is not None and not closed and not context.is_blocked(referrer)


def _claim(
    context: Context, owner: str, code: Code, key: str | None, referrer_is_fit: bool
) -> CodeClaim | None:
    """Count a claim, and give its credits; ``None`` if the code gives nothing any more.

    Claims of one owner wait for each other since ``guesses.begin``, those of one code from here on.

    :raises CodeRefused: It gives nothing to this owner.
    :raises KeyReused: The key has redeemed another code.
    """
    session = context.session
    if key is not None and (repeated := _claimed(session, owner, code, key)) is not None:
        return repeated
    if owner == code.referrer:
        raise CodeRefused(OWN_CODE)
    mine = select(func.count()).where(CodeClaim.owner == owner, CodeClaim.code_id == code.id)
    earlier = session.scalars(mine).one()
    if earlier >= code.per_owner:
        raise CodeRefused(HAVE_IT)
    if not _count(context, code):
        return None
    claim = _write(context, owner, code, earlier + 1, key, referrer_is_fit)
    _give(context, code, claim)
    signals.after_commit(
        session,
        signals.code_redeemed,
        owner=owner,
        code=code.code,
        credits=claim.credits,
        referrer=code.referrer,
        referrer_credits=claim.referrer_credits,
    )
    return claim


def _claimed(session: Session, owner: str, code: Code, key: str) -> CodeClaim | None:
    """The claim that the key has made.

    :raises KeyReused: It was of another code.
    """
    same = select(CodeClaim).where(CodeClaim.owner == owner, CodeClaim.key == key)
    claim = session.scalars(same).one_or_none()
    if claim is not None and claim.code_id != code.id:
        raise KeyReused(key, f"The key {key!r} has already redeemed another code.")
    return claim


def _count(context: Context, code: Code) -> bool:
    """Count one more claim where one is left: the database decides, whoever comes at the same time."""
    left = or_(Code.max_claims.is_(None), Code.claims < Code.max_claims)
    goes_on = or_(Code.expires_at.is_(None), Code.expires_at > context.clock())
    one_more = (
        update(Code)
        .where(Code.id == code.id, Code.off_at.is_(None), left, goes_on)
        .values(claims=Code.claims + 1)
    )
    return context.session.scalar(one_more.returning(Code.id)) is not None


def _write(
    context: Context, owner: str, code: Code, number: int, key: str | None, referrer_is_fit: bool
) -> CodeClaim:
    """The claim's row. Two who have met by a code meet no second time.

    :raises CodeRefused: They have.
    """
    session = context.session
    first, second = sorted((owner, code.referrer)) if code.referrer is not None else (None, None)
    values = {
        "code_id": code.id,
        "owner": owner,
        "number": number,
        "credits": code.credits,
        "referrer_credits": code.referrer_credits if referrer_is_fit else 0,
        "key": key,
        "first": first,
        "second": second,
        "at": context.clock(),
    }
    made = insert(session, CodeClaim).values(values).on_conflict_do_nothing().returning(CodeClaim)
    claim = session.scalars(made).one_or_none()
    if claim is None:
        raise CodeRefused(KNOW_EACH_OTHER if first is not None else HAVE_IT)
    return claim


@dataclass(frozen=True)
class _Gift:
    """Credits of a claim for one of the two."""

    owner: str
    credits: int
    key: str
    reason: str


def _give(context: Context, code: Code, claim: CodeClaim) -> None:
    """Grant what the claim brings, in the order of the owners: two who redeem each other's never deadlock."""
    named = f"Code {code.code}: {code.reason}" if code.reason else f"Code {code.code}"
    gifts = [_Gift(claim.owner, claim.credits, f"code:{claim.id}", named)]
    if code.referrer is not None and claim.referrer_credits:
        key = f"referral:{claim.id}"
        gifts.append(_Gift(code.referrer, claim.referrer_credits, key, f"Your code {code.code} was redeemed"))
    lasts = code.expires_after_s
    ends = None if lasts is None else claim.at + timedelta(seconds=lasts)
    for gift in sorted(gifts, key=lambda gift: gift.owner):
        context.ledger.grant(gift.owner, gift.credits, key=gift.key, reason=gift.reason, expires_at=ends)


def given_by(session: Session, code_ids: list[int]) -> dict[int, int]:
    """How many credits each of these codes has given, to both sides."""
    total = func.sum(CodeClaim.credits + CodeClaim.referrer_credits)
    rows = session.execute(
        select(CodeClaim.code_id, total).where(CodeClaim.code_id.in_(code_ids)).group_by(CodeClaim.code_id)
    )
    return {code_id: int(credits) for code_id, credits in rows}
