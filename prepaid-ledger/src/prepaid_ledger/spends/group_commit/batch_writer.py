"""Commits a batch of spends: in the process's turn on SQLite, over a kept connection on PostgreSQL."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Connection, Engine, event, exc

from ...clock import Clock
from ...database.partitions import partitions_of
from ...database.transactions import limits
from ...database.turns import LOCK_TIMEOUT_S, write_turn
from ...errors import Busy
from ..batches import batch
from ..batches.budgeted_owners import BudgetedOwners
from ..batches.failures import log_failure
from ..batches.host_insert import batch_insert
from ..batches.outcomes import LEFT_OUT, Outcome
from ..batches.postgresql_batch import SET_UP
from ..single import SpendRequest

log = logging.getLogger(__name__)


class BatchWriter:
    """Writes the batches of one process to one database."""

    def __init__(self, engine: Engine, *, clock: Clock, debt_blocks: bool, budgeted: BudgetedOwners) -> None:
        self._engine = engine
        self._budgeted = budgeted
        self._clock = clock
        self._debt_blocks = debt_blocks
        if engine.dialect.name == "postgresql":
            self._together = engine.execution_options(isolation_level="READ COMMITTED")
            # One statement is a transaction of its own: no round trips for BEGIN and COMMIT.
            self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
            event.listen(engine, "engine_disposed", self._close)
        self._kept: Connection | None = None
        self._kept_by = 0
        self._is_set_up = False
        self._keeping = threading.Lock()

    @cached_property
    def is_parted(self) -> bool:
        """Whether the tables lie in partitions: a batch reads none of them (``docs/decisions/0029``)."""
        with self._engine.connect() as connection:
            return partitions_of(connection) > 0

    def commit(self, requests: Sequence[SpendRequest], *, wait: bool) -> list[Outcome]:
        """Commit what is batchable; what came of each. The others are left to go alone.

        :param wait: Whether to wait for wallets that others hold.
        :raises Busy: The database did not get to them.
        """
        places = batch.one_of_each_key(requests)
        first = [requests[place] for place in places]
        outcomes = [LEFT_OUT] * len(requests)
        try:
            with self._transaction(first, wait=wait) as connection:
                posted = batch.post(
                    connection,
                    first,
                    now=self._clock(),
                    debt_blocks=self._debt_blocks,
                    budgeted=self._budgeted,
                    parted=self.is_parted,
                    wait=wait,
                )
        except Busy:
            raise
        except Exception as error:
            # One that cannot be posted takes all with it. Alone, it alone is refused; and where the
            # answer to COMMIT was lost, the keys tell what came of it.
            log_failure(log, error, len(first))
            return outcomes
        for place, outcome in zip(places, posted, strict=True):
            outcomes[place] = outcome
        return outcomes

    @contextmanager
    def _transaction(self, requests: Sequence[SpendRequest], *, wait: bool) -> Iterator[Connection]:
        if self._engine.dialect.name == "sqlite":
            with write_turn(self._engine), self._engine.begin() as connection:
                try:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # what is read from here on stays so
                except exc.OperationalError as error:
                    raise Busy("The database is busy. Nothing was moved; try again.") from error
                yield connection
        elif batch_insert(requests) is not None:  # one statement has all
            with self._open(wait=wait) as connection:
                yield connection
        else:
            with self._limited() as connection:
                yield connection

    @contextmanager
    def _limited(self) -> Iterator[Connection]:
        """A transaction of which no statement takes too long."""
        with self._together.begin() as connection:
            connection.execute(limits(LOCK_TIMEOUT_S))
            yield connection

    @contextmanager
    def _open(self, *, wait: bool) -> Iterator[Connection]:
        """A connection where each statement commits: the one that is kept, unless another batch is on it.

        To take one from the pool and give it back costs a third of a small batch.
        """
        if not self._keeping.acquire(blocking=False):
            with self._limited() if wait else self._at_once.connect() as connection:
                yield connection
            return
        try:
            if self._kept is None or self._kept_by != os.getpid():
                self._keep()
            assert self._kept is not None, "it was kept just now"
            if wait and not self._is_set_up:
                with self._limited() as connection:
                    yield connection
            else:
                yield self._kept
        except BaseException:
            self._close()
            raise
        finally:
            self._keeping.release()

    def _keep(self) -> None:
        """Take a connection from the pool, for this process, and set it up."""
        self._kept, self._kept_by = self._at_once.connect(), os.getpid()
        self._kept.detach()  # the pool makes up for it
        driver = self._kept.connection.dbapi_connection
        self._is_set_up = getattr(driver, "prepare_threshold", None) is not None
        if self._is_set_up:  # not behind a pooler, which shares it
            self._kept.exec_driver_sql(SET_UP)

    def _close(self, *_: object) -> None:
        kept, self._kept = self._kept, None
        if kept is not None and self._kept_by == os.getpid():
            kept.close()
