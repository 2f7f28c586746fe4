"""Credits set aside for work that is not done yet: hold, then capture or release.

Every verb is one short transaction of the caller's, so that no lock is held while the
work is done. A hold is known by its owner and key, in any process.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from ..checks import MAX_CREDITS, check_credits, check_key, check_time, check_whole
from ..clock import Clock
from ..errors import HoldClosed, InsufficientCredits, KeyReused, PrepaidError, credits_are
from ..tables import Entry, Hold, HoldState
from . import extensions, hold_states
from .entries import charge, require
from .expiry import after_release, bring_up_to_date
from .extensions import OVERRUNS, Overrun, Progress
from .wallets.posting import recorded_use
from .wallets.uses import UNSAID, Use
from .wallets.wallet_state import WalletState, lock, save

#: The longest key of a row.
MAX_KEY = 128


def hold(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    use: Use = UNSAID,
    expires_after: timedelta,
    meter: str | None = None,
    clock: Clock,
    debt_blocks: bool,
) -> tuple[Hold, bool]:
    """Set ``credits`` aside; the hold, and whether it is a new one.

    The same key again returns the same hold, open or captured. One that was given back, or whose time is
    over, leaves its key to the next try.

    :param expires_after: From then on anyone who needs the credits may release it.
    :param meter: A meter of that name counts on it: the same key again is refused to all but this one, and
        what was counted when it was last written is captured when its time is over.
    :raises InsufficientCredits: Fewer are available.
    :raises WalletBlocked: The wallet owes credits.
    :raises BudgetExceeded: A budget has fewer left.
    :raises KeyReused: The key holds another number of credits, or for another use; or it is metered.
    :raises HoldClosed: A meter is asked for under a key that has ended.
    """
    check_credits(credits)
    check_key(key)
    wallet = lock(session, owner, clock)
    if wallet is None:
        raise InsufficientCredits(owner, needed=credits, available=0)
    earlier = _find(session, wallet, Hold.key == key)
    if earlier is not None:
        _check_repeat(earlier, credits, use, meter)
        if meter is not None or not _leaves_its_key(session, wallet, earlier):
            return earlier, False
    require(session, wallet, credits, debt_blocks=debt_blocks)
    charge(session, wallet, credits, spender=use.spender)
    wallet.step()
    wallet.held += credits
    save(session, wallet)
    opened = insert(Hold).values(
        slot=wallet.slot,
        wallet_id=wallet.id,
        seq=wallet.seq,
        key=key,
        credits=credits,
        opened_credits=credits,
        captured=0,
        counted=None if meter is None else 0,
        meter=meter,
        state=HoldState.OPEN,
        at=wallet.now,
        expires_at=wallet.now + expires_after,
        spender=use.spender,
        item=use.item,
        quantity=use.quantity,
        price_version=use.price_version,
    )
    return session.scalars(opened.returning(Hold)).one(), True


def _leaves_its_key(session: Session, wallet: WalletState, hold: Hold) -> bool:
    """Whether a key can hold anew, as nothing was captured. The row that is there has another one then."""
    if hold.state is HoldState.OPEN and hold.expires_at <= wallet.now:
        hold_states.expire(session, wallet, hold)
        after_release(session, wallet)
    elif hold.state not in (HoldState.RELEASED, HoldState.EXPIRED):
        return False
    own_key = f"hold:{hold.seq}:{hold.key}"[:MAX_KEY]  # no caller's key begins so
    session.execute(update(Hold).where(Hold.of(wallet), Hold.seq == hold.seq).values(key=own_key))
    return True


def _check_repeat(hold: Hold, credits: int, use: Use, meter: str | None) -> None:
    """:raises PrepaidError: The key that comes again would hold something else, or is metered."""
    if meter is not None:
        if hold.meter != meter or hold.state is not HoldState.OPEN:
            raise _metered_before(hold)
    elif hold.counted is not None or (hold.opened_credits, recorded_use(hold).gist) != (credits, use.gist):
        raise KeyReused(hold.key)


def _metered_before(hold: Hold) -> PrepaidError:
    """Why a key can't be metered again."""
    if hold.state is HoldState.OPEN:
        ends = f"it ends by {hold.expires_at:%Y-%m-%d %H:%M:%S} UTC if nobody goes on"
        return KeyReused(hold.key, f"{hold.key!r} is being used already; {ends}")
    charged = "1 credit was" if hold.captured == 1 else f"{hold.captured or 'no'} credits were"
    return HoldClosed(f"{hold.key!r} has ended, and {charged} captured: give the next use another key")


def extend(
    session: Session,
    owner: str,
    *,
    key: str,
    credits: int | None = None,
    until: datetime | None = None,
    seq: int | None = None,
    progress: Progress | None = None,
    clock: Clock,
    debt_blocks: bool,
) -> Hold:
    """Let a hold have ``credits`` in all, and last ``until`` then. It never shrinks.

    :param progress: What its meter has counted by now.
    :raises HoldClosed: It has ended, or there is no such hold.
    :raises InsufficientCredits: Fewer are available than it is to grow by.
    :raises WalletBlocked: The wallet owes credits.
    :raises BudgetExceeded: A budget has fewer left.
    :raises ValueError: Neither is given, or one is none that a hold can have.
    """
    if credits is None and until is None:
        raise ValueError("extend says how many credits are held in all, until when, or both")
    if credits is not None:
        check_credits(credits)
    check_time("until", until, optional=True)
    wallet, hold = _lock_hold(session, owner, key, seq, clock)
    extensions.extend(
        session, wallet, hold, credits=credits, until=until, progress=progress, debt_blocks=debt_blocks
    )
    return hold


def capture(
    session: Session,
    owner: str,
    *,
    key: str,
    credits: int | None = None,
    overrun: Overrun = "refuse",
    seq: int | None = None,
    use: Use = UNSAID,
    clock: Clock,
    debt_blocks: bool,
) -> Hold:
    """Take ``credits`` of a hold, all of it by default; the rest goes back.

    Captured again with the same credits, it returns the hold and moves nothing. Capturing
    0 is a release. It is not too late as long as nobody has needed the credits.

    :param overrun: What becomes of credits beyond the hold. ``refuse``: an error; ``spend``: they are taken,
        too, or it is refused; ``debt``: those that are there are taken, and the rest is owed.
    :param use: What was bought in the end, and how much of it, as far as the hold does not say it, or says
        another quantity or version.
    :raises HoldClosed: It has ended otherwise, or there is no such hold.
    :raises InsufficientCredits: Fewer are available than are to be spent beyond it; so it is of the next two.
    :raises WalletBlocked: The wallet owes credits.
    :raises BudgetExceeded: A budget has fewer left. It bounds what is owed, too.
    :raises ValueError: More is captured than is held, or for another item.
    """
    if overrun not in OVERRUNS:
        raise ValueError(f"overrun is one of {', '.join(map(repr, OVERRUNS))}, not {overrun!r}")
    wallet, hold = _lock_hold(session, owner, key, seq, clock)
    credits = hold.credits if credits is None else credits
    check_whole("credits", credits, 0, MAX_CREDITS)
    if use.item is not None and hold.item not in (None, use.item):
        raise ValueError(f"item of the hold is {hold.item!r}, {use.item!r} cannot be captured")
    if hold.state is HoldState.CAPTURED and _cost(session, hold) == credits:
        return hold
    if credits == 0:
        return _give_back(session, wallet, hold)
    hold_states.move(hold.state, "capture")
    owed = 0
    if credits > hold.credits:
        if overrun == "refuse":
            cure = 'to take more, say overrun="spend", or overrun="debt"'
            raise ValueError(f"{credits_are(hold.credits)} held, {credits} cannot be captured; {cure}")
        more = credits - hold.credits
        owed = extensions.overrun(session, wallet, hold, more, overrun, debt_blocks=debt_blocks)
    captured, use = credits - owed, recorded_use(hold).with_later(use)
    hold_states.close(session, wallet, hold, "capture", captured=captured, owed=owed, use=use)
    if captured < hold.credits:
        after_release(session, wallet)
    return hold


def _cost(session: Session, hold: Hold) -> int:
    """What a captured hold took, and what it made a debt."""
    owed = select(Entry.debt).where(Entry.same_wallet_as(hold), Entry.seq == hold.closed_seq)
    return hold.captured + (session.scalar(owed) or 0)


def release(session: Session, owner: str, *, key: str, seq: int | None = None, clock: Clock) -> Hold:
    """Give all of a hold back. Released or expired already, it moves nothing.

    :raises HoldClosed: It was captured, or there is no such hold.
    """
    wallet, hold = _lock_hold(session, owner, key, seq, clock)
    return _give_back(session, wallet, hold)


def _give_back(session: Session, wallet: WalletState, hold: Hold) -> Hold:
    if hold.state not in (HoldState.RELEASED, HoldState.EXPIRED):
        hold_states.close(session, wallet, hold, "release")
        after_release(session, wallet)
    return hold


def _lock_hold(
    session: Session, owner: str, key: str, seq: int | None, clock: Clock
) -> tuple[WalletState, Hold]:
    """The hold that is under a key now, or the one of it that has a ``seq``: it may have left the key."""
    check_key(key)
    wallet = lock(session, owner, clock)
    hold = _find(session, wallet, Hold.key == key if seq is None else Hold.seq == seq) if wallet else None
    if wallet is None or hold is None:
        raise HoldClosed(f"there is no hold {key!r}")
    bring_up_to_date(session, wallet)
    return wallet, hold


def _find(session: Session, wallet: WalletState, is_it: ColumnElement[bool]) -> Hold | None:
    return session.scalar(
        select(Hold).where(Hold.of(wallet), is_it).execution_options(populate_existing=True)
    )
