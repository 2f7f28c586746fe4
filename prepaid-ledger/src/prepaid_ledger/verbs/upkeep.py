"""The verbs that keep the books: what is due, the tables, and the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import NoSuchTableError

from .. import database
from ..archive import archiving
from ..archive.archiving import Archived
from ..archive.place import Archive
from ..audit import audit
from ..audit.audit import Audited
from ..audit.scope.problem import Rule
from ..books import sweep, usage_sums
from ..checks import check_rules
from ..database import LEDGER
from ..database.cures import tables_lack
from ..errors import UnknownVersion
from ..reading.wallets import find_wallet
from ..tables import Entry
from .base import Verbs


class Upkeep(Verbs):
    """What is done for all wallets, by cron or by hand."""

    def write_due(self) -> int:
        """Write what is due: lots that have ended, holds whose time is over; how many wallets were due.

        A wallet that can't be written, as somebody changed its rows, is logged, and leaves the others be.
        """
        due = sweep.write_due(self.setup.engine, self.setup.clock)
        usage_sums.bring_up_all(self.setup.engine)
        return due

    def bring_up_to_date(self, *owners: str) -> None:
        """Write what is due in the wallets of these owners, and draw their lots. Commits.

        Many cost each a tenth of what one costs. Safe at any time, twice, and in several processes at once.
        Where one can't be written, as somebody changed its rows, its error is raised once the others are.
        """
        self._refuse_to_wait_for_itself()
        sweep.bring_up_to_date(self.setup.engine, owners, self.setup.clock)

    def upgrade(self, *, partitions: int | None = None) -> None:
        """Make the ledger's tables, or bring them up to date. Does nothing when they are.

        :param partitions: Make them in so many partitions by slot, on PostgreSQL: 2, 4, ... 256, for a ledger
            of billions of entries. In one piece each by default; tables that stand stay as they are.
        :raises ValueError: ``partitions`` is no power of two from 2 to 256.
        :raises UnfitDatabase: The database is SQLite, or the tables stand already, parted otherwise.
        :raises UnknownVersion: Tables are there that this code has not made. They stay as they are.
        """
        database.upgrade(self.setup.engine, LEDGER, partitions=partitions)

    def is_upgraded(self) -> bool:
        """Whether the tables have all that this version wants: for a readiness check.

        Tables of a later release may, so that the two serve side by side.
        """
        with self.setup.engine.connect() as connection, suppress(UnknownVersion):
            return not LEDGER.is_behind(LEDGER.version(connection)) and not LEDGER.lacking(connection)
        return False

    def archive(
        self,
        before: datetime,
        to: Engine,
        *,
        counted: Iterable[type[Any]] = (),
        seen: Callable[[int], None] = lambda count: None,
    ) -> Archived:
        """Move finished spends that are older than ``before`` to another database, and commit.

        Spends leave that nothing has reversed, and holds that have ended. What came in and went back stays,
        and so do sums: balances, statements of whole quarters of an hour, usage and budgets are as before. A
        key that left may be used anew. What leaves was proved, and was read back from the archive; a wallet
        in which something is off stays as it is. Broken off, run it again.

        :param before: At least thirteen months ago.
        :param to: An engine of a file of SQLite, or of PostgreSQL; not the books. What lies there stays.
        :param counted: Tables of yours with ``wallet_id``, ``slot`` and ``seq``, made of ``InWallet``: up to
            which entry of each wallet you have counted. What is not counted yet stays.
        :param seen: Called after each commit with how many spends and holds have left with it.
        :raises ValueError: ``before`` has no zone or is too late, or ``to`` is no archive.
        """
        self._refuse_to_wait_for_itself()
        place, setup = Archive(to, self.setup.engine), self.setup
        return archiving.archive(
            setup.engine, place, before, counted=[*counted], clock=setup.clock, seen=seen
        )

    def archived_entries(self, owner: str, archive: Engine) -> Iterator[Entry]:
        """The entries of ``owner`` that lie in an archive, the oldest first, read as they are walked.

        :param archive: What ``archive`` was told to move to.
        :raises ValueError: Nothing was archived there.
        """
        place = Archive(archive, self.setup.engine)
        place.check_made()
        wallet = self._read(find_wallet, owner, now=self.setup.clock())
        return iter(()) if wallet is None else place.entries(wallet.id, wallet.slot)

    def audit(
        self,
        *rules: Rule,
        jobs: int = 1,
        proofs: Engine | None = None,
        full: bool = True,
        archives: Iterable[Engine] = (),
        seen: Callable[[int], None] = lambda count: None,
    ) -> Audited:
        """Everything that is off, by the ledger's rules and those it was made with; empty when all is right.

        It reads from the standby, if the ledger was made with one. Each range of wallets, of some hundred
        thousand entries, has a snapshot of its own.

        :param rules: Further rules, on tables of your own; they share one snapshot with those of the ledger's
            making.
        :param jobs: Processes that work at once, each on a range of wallets.
        :param proofs: Any database. What is proved of each wallet is kept there, best outside of the books.
        :param full: With ``False`` wallets go on from their proofs. What came since is played and compared
            with the sums of it; what was proved is not looked at, as entries, holds that had ended, used-up
            lots, sums of usage of earlier quarters of an hour, and wallets that have not moved. With ``True``
            everything is, and a proved entry that was changed is named, even where the books agree with it.
        :param archives: Where ``archive`` has moved spends to: all of them. Everything is played then, from
            the first event on. Without them a wallet is played from where its archive ends.
        :param seen: Is called after each range with how many events of it were played or proved before: for a
            progress bar.
        :raises ValueError: ``jobs`` is less than 1, or more on a system that can't fork a process; a rule
            is no function; an archive cannot be read; or ``proofs`` is no engine.
        :raises NoSuchTableError: The tables are not there.
        """
        check_rules("rules", rules)
        if proofs is not None and not isinstance(proofs, Engine):
            raise ValueError(
                f"proofs is an engine, such as create_engine('sqlite:///proofs.sqlite3'), not {proofs!r:.80}"
            )
        books = self.setup.standby or self.setup.engine
        checked = [*archives]
        for archive in checked:
            Archive(archive, books).check_made()
        try:
            return audit.audit(
                books,
                *self.setup.audit_rules,
                *rules,
                clock=self.setup.clock,
                jobs=jobs,
                proofs=proofs,
                full=full or proofs is None,
                archives=checked,
                seen=seen,
            )
        except NoSuchTableError as missing:
            raise NoSuchTableError(tables_lack(f"no such table: {missing}")) from missing
