"""Work within a transaction that is undone: always, or if it fails.

An object in memory does not go back with the database: after either, the store's are read afresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stripe_emulator.core.database.schema import Row
from stripe_emulator.core.database.transactions import Transaction, current


@contextmanager
def rehearsal() -> Iterator[None]:
    """Work that is undone at the end of the block: a preview does what it previews, for show.

    Objects are read afresh inside and worthless outside; what the caller holds stays as it is.
    """
    transaction = current()
    waiting = _all_encoded(transaction)
    objects, memo, remembered = transaction.objects, transaction.memo, dict(transaction.store.remembered)
    transaction.objects, transaction.memo = {}, dict(memo)
    transaction.execute("SAVEPOINT rehearsal")
    try:
        yield
    finally:
        transaction.execute("ROLLBACK TO rehearsal")
        transaction.execute("RELEASE rehearsal")
        transaction.forget()
        transaction.objects, transaction.memo, transaction.store.remembered = objects, memo, remembered
        transaction.encoded = waiting


@contextmanager
def savepoint() -> Iterator[None]:
    """What the block did is undone if it raises; the rest of the transaction stays.

    Objects that the caller holds are worthless after an error.
    """
    transaction = current()
    waiting, memo = _all_encoded(transaction), dict(transaction.memo)
    transaction.execute("SAVEPOINT attempt")
    try:
        yield
        transaction.encode()
    except BaseException:
        transaction.execute("ROLLBACK TO attempt")
        transaction.forget()
        transaction.encoded, transaction.memo = waiting, memo
        raise
    finally:
        transaction.execute("RELEASE attempt")


def _all_encoded(transaction: Transaction) -> dict[tuple[str, str], Row]:
    """What is still to be written, to go back to: inside, it may be written and be undone."""
    if transaction.store.unwritten:
        transaction.flush()
    transaction.encode()
    return dict(transaction.encoded)
