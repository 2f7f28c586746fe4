"""Sums of what was spent, by quarter of an hour, spender and item: kept up behind the spends, never by them.

Each wallet has a mark: its entries up to there are in the sums. Those after it are few, and read one by one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Integer,
    Select,
    case,
    cast,
    extract,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from ..database.rows import Stretch, Stretches, move_marks
from ..database.transactions import commit_alone
from ..database.upsert import insert
from ..slots import WalletKey
from ..tables import Entry, Kind, UsageMark, UsageSum, Wallet

#: Seconds.
QUARTER = 900

#: So many entries behind the mark are read one by one; with more, the sums are brought up first.
MAX_BEHIND = 1_000

#: Wallets that one sweep brings up, and that it looks at.
SWEEP = 500
LOOKED_AT = 20_000

#: Wallets whose sums are brought up in one transaction: a thousand entries each, at least.
TOGETHER = 20

KEY = ("wallet_id", "slot", "quarter", "spender", "item")
SUMS = ("credits", "returned", "calls")


#: Written out: PostgreSQL takes two parameters of one value for two values, and would not group by them.
NOBODY: ColumnElement[str] = literal_column("''")
A_QUARTER: ColumnElement[int] = literal_column(str(QUARTER))


def quarter_of(dialect: str) -> Any:
    """The quarter of an hour that an entry lies in, in SQL."""
    if dialect == "sqlite":
        return cast(func.strftime(literal_column("'%s'"), Entry.at), Integer).op("/")(A_QUARTER)
    return cast(func.floor(extract("epoch", Entry.at) / A_QUARTER), BigInteger)


def sums_of_entries(dialect: str, *which: Any) -> Select[*tuple[Any, ...]]:
    """The sums of some entries, by the columns of ``UsageSum``."""
    quarter = quarter_of(dialect)
    spender, item = func.coalesce(Entry.spender, NOBODY), func.coalesce(Entry.item, NOBODY)
    spent = Entry.kind == Kind.SPEND
    return (
        select(
            Entry.wallet_id,
            Entry.slot,
            quarter.label("quarter"),
            spender.label("spender"),
            item.label("item"),
            func.sum(case((spent, -Entry.credits), else_=0)).label("credits"),
            func.sum(case((spent, 0), else_=Entry.credits)).label("returned"),
            func.sum(case((spent, 1), else_=0)).label("calls"),
        )
        .where(Entry.kind.in_([Kind.SPEND, Kind.REVERSAL]), *which)
        .group_by(Entry.wallet_id, Entry.slot, quarter, spender, item)
    )


def mark_of(session: Session, wallet: WalletKey) -> int:
    """Up to which ``seq`` the sums go."""
    return session.scalar(select(UsageMark.seq).where(UsageMark.of(wallet))) or 0


def bring_up(session: Session, owner: str) -> None:
    """Bring the sums of one wallet up to its last entry. Its spends don't wait for this."""
    wallet = session.execute(
        select(Wallet.slot, Wallet.id, Wallet.seq).where(Wallet.owned_by(owner))
    ).one_or_none()
    if wallet is None:
        return
    new = insert(session, UsageMark).values(slot=wallet.slot, wallet_id=wallet.id, seq=0)
    session.execute(new.on_conflict_do_nothing(index_elements=["wallet_id", "slot"]))
    mine = UsageMark.of(wallet)
    # An UPDATE keeps a second sweep of this wallet out until we commit.
    same = update(UsageMark).where(mine).values(seq=UsageMark.seq)
    mark = session.scalars(same.returning(UsageMark.seq)).one()
    if mark >= wallet.seq:
        return
    _add(session, [Stretch(wallet.id, wallet.slot, mark, wallet.seq)])
    session.execute(update(UsageMark).where(mine).values(seq=wallet.seq))


def _add(session: Session, stretches: Sequence[Stretch]) -> None:
    """Add the entries of these stretches to the sums. The marks of their wallets are ours."""
    entries = Stretches(session, stretches).within(Entry, Entry.seq)
    sums = sums_of_entries(session.get_bind().dialect.name, entries)
    into = insert(session, UsageSum)
    added = {name: getattr(UsageSum, name) + into.excluded[name] for name in SUMS}
    session.execute(
        into.from_select([*KEY, *SUMS], sums).on_conflict_do_update(index_elements=list(KEY), set_=added)
    )


def bring_up_all(engine: Engine) -> None:
    """Bring up the sums of wallets that have many entries behind their marks.

    Looks at no more than ``LOOKED_AT`` wallets, from any of them on: calls that follow one another come to
    all. An index by which those behind were found would cost each spend more than this does.
    """
    mark = func.coalesce(UsageMark.seq, 0)
    long = (
        select(Wallet.id, Wallet.slot, mark, Wallet.seq)
        .outerjoin(UsageMark, UsageMark.of(Wallet))
        .where(Wallet.seq >= MAX_BEHIND, Wallet.seq - mark >= MAX_BEHIND)
    )
    with Session(engine) as session:
        last = session.scalar(select(func.max(Wallet.id))) or 0
        if last > LOOKED_AT:
            begin = secrets.randbelow(last + LOOKED_AT) - LOOKED_AT
            long = long.where(Wallet.id > begin, Wallet.id <= begin + LOOKED_AT)
        behind = [Stretch(*row) for row in session.execute(long.order_by(Wallet.id).limit(SWEEP))]
    for first in range(0, len(behind), TOGETHER):
        commit_alone(engine, partial(bring_up_together, stretches=behind[first : first + TOGETHER]))


def bring_up_together(session: Session, stretches: Sequence[Stretch]) -> None:
    """Bring up the sums of these wallets, but for those that somebody else brings up at the moment."""
    marks = [
        {"wallet_id": stretch.wallet_id, "slot": stretch.slot, "seq": 0}
        for stretch in stretches
        if not stretch.after
    ]
    if marks:
        session.execute(insert(session, UsageMark).on_conflict_do_nothing(), marks)
    ours = move_marks(session, (UsageMark.wallet_id, UsageMark.slot), UsageMark.seq, stretches)
    mine = [stretch for stretch in stretches if stretch.wallet_id in ours]
    if mine:
        _add(session, mine)
