"""The names that clients give their requests, ``Idempotency-Key``: sent again within a day, each sells once.

A name is written down, with the id that its sale will have, before anything is sold. Whoever comes with the
name again spends under the same id, and the ledger's key lets the first one pay alone. So nothing is bought
twice and nothing is lost, wherever a process dies.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Engine, Exists, Index, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger import clock as clocks
from prepaid_ledger.database import Base, insert
from prepaid_ledger.tables import Entry, Wallet

from ..context import Context, apart, transaction
from ..errors import BadIdempotencyKey, IdempotencyConflict
from .sale import new_id

#: How long a name stands for its first request. After that it is free again.
KEPT = timedelta(hours=24)

#: The most characters of an ``Idempotency-Key``.
MAX_LENGTH = 255


class SaleRequest(Base):
    """A request by the name that its client gave it.

    ``name`` is a digest of it, ``request`` one of what was asked for.
    """

    __tablename__ = "prepaid_sale_request"
    __table_args__ = (Index("ix_prepaid_sale_request_at", "at"),)

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    sale_id: Mapped[str] = mapped_column(String(17))
    request: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]


def checked_key(name: str) -> str:
    """An ``Idempotency-Key`` as it came.

    :raises BadIdempotencyKey: It is empty, too long, or no plain text.
    """
    if not (0 < len(name) <= MAX_LENGTH and name.isascii() and name.isprintable()):
        raise BadIdempotencyKey(f"Idempotency-Key must be 1 to {MAX_LENGTH} printable ASCII characters.")
    return name


def begin(engine: Engine, owner: str, scope: str, name: str, request: str) -> tuple[str, bool]:
    """The id of the sale that ``name`` stands for, and whether that is new. Commits by itself, apart.

    :param scope: Names of one sale do not meet those of another.
    :param request: A digest of what is asked for.
    :raises BadIdempotencyKey: The name can be none.
    :raises IdempotencyConflict: It stands for something else that was sold within a day.
    """
    digest = sha256(f"{scope}:{checked_key(name)}".encode()).hexdigest()[:32]
    now = clocks.wall()
    row: dict[str, object] = {
        "owner": owner,
        "name": digest,
        "sale_id": new_id(),
        "request": request,
        "at": now,
    }
    same = SaleRequest.owner == owner, SaleRequest.name == digest
    over = SaleRequest.at < now - KEPT
    with apart(engine) as session:
        made = insert(session, SaleRequest).values(row).on_conflict_do_nothing()
        is_new = session.scalar(made.returning(SaleRequest.sale_id)) is not None
        if not is_new:
            again = update(SaleRequest).where(*same, over).values(row).returning(SaleRequest.sale_id)
            is_new = session.scalar(again) is not None
        stands = session.execute(select(SaleRequest.sale_id, SaleRequest.request).where(*same)).one()
        if stands.request == request:
            return str(stands.sale_id), is_new
        unsold = SaleRequest.sale_id == stands.sale_id, ~_paid(owner, stands.sale_id)
        other = update(SaleRequest).where(*same, *unsold).values(row).returning(SaleRequest.sale_id)
        if session.scalar(other) is None:
            raise IdempotencyConflict("This Idempotency-Key has been used for another request.")
    return str(row["sale_id"]), True


def _paid(owner: str, key: str) -> Exists:
    """Whether the books have a spend under ``key``. A request that was refused leaves its name free."""
    entries = select(Entry.seq).join(Wallet, Entry.of(Wallet))
    return entries.where(Wallet.owned_by(owner), Entry.key == key).exists()


def forget(context: Context) -> None:
    """Delete the names that are free again. Commits."""
    with transaction(context) as session:
        session.execute(delete(SaleRequest).where(SaleRequest.at < clocks.wall() - KEPT))
