"""To set a budget, change it, or take it away."""

from __future__ import annotations

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from ..checks import MAX_CREDITS, check_owner, is_whole
from ..clock import Clock
from ..tables import Budget, Every, Wallet
from .budgets.budget_counts import EVERYBODY, counted_by, key_of
from .budgets.windows import window_of, zone_of
from .charged_before import charged_in
from .expiry import bring_up_to_date
from .wallets.uses import MAX_NAME, check_name
from .wallets.wallet_state import lock_or_open, save


def set_budget(
    session: Session,
    owner: str,
    credits: int | None,
    *,
    spender: str | None,
    every: str | None,
    zone: str,
    clock: Clock,
) -> None:
    """Let ``spender``, or the whole wallet, spend no more than ``credits`` in each window.

    What was spent in the running window before counts. In place of a budget of the same spender and window.

    :param credits: ``None`` takes the budget away.
    :raises ValueError: One of the values is none that a budget can have; the message names it.
    """
    check_owner(owner)
    check_name("spender", spender, "key:17", MAX_NAME)
    check_budget(credits)
    window, who = every_of(every), spender or EVERYBODY
    zone_of(zone)
    wallet = lock_or_open(session, owner, clock)
    bring_up_to_date(session, wallet)
    wallet.moved_at = wallet.now  # nothing may be dated before the window that begins now
    session.execute(delete(Budget).where(*key_of(wallet, who, window)))
    if credits is not None:
        runs = window_of(window, zone, wallet.now)
        row = {
            "slot": wallet.slot,
            "wallet_id": wallet.id,
            "spender": who,
            "every": window,
            "zone": zone,
            "credits": credits,
            "spent_here": charged_in(session, wallet, who, runs.start) - counted_by(wallet, who),
            "window_start": runs.start,
            "resets_at": runs.end,
        }
        session.execute(insert(Budget).values(row))
    save(session, wallet)
    changed = update(Wallet).where(Wallet.slot == wallet.slot, Wallet.id == wallet.id)
    session.execute(changed.values(budget_changes=Wallet.budget_changes + 1))


def check_budget(credits: int | None) -> None:
    """:raises ValueError: It is neither ``None`` nor a whole number from 0 on."""
    if credits is not None and not is_whole(credits, 0, MAX_CREDITS):
        raise ValueError(
            f"credits of a budget are a whole number from 0 to {MAX_CREDITS:,}, or None to take it away; "
            f"not {credits!r}"
        )


def every_of(every: str | None) -> Every:
    """:raises ValueError: It is no window of ours."""
    if every is None:
        return Every.EVER
    try:
        return Every(every)
    except ValueError as error:
        words = ", ".join(repr(member.value) for member in Every if member is not Every.EVER)
        raise ValueError(f"every is {words}, or None for ever; not {every!r}") from error
