"""What every verb stands on: the setup, and in whose transaction it writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ..audit.scope.problem import Rule
from ..clock import Clock
from ..database.busy import raising_busy
from ..database.transactions import commit_alone, is_writing
from ..database.turns import LOCK_TIMEOUT_S
from ..spends.group_commit.group_commit import GroupCommit
from .session_check import SessionCheck

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Setup:
    """What every verb works with: what ``Ledger`` was made with, and the process's spends."""

    engine: Engine
    clock: Clock
    #: Whether an owner who owes credits is refused.
    debt_blocks: bool
    #: How long a hold lasts that nobody ends.
    hold_expires_after: timedelta
    #: The spends that commit by themselves, together.
    spends: GroupCommit
    #: Refuses a caller's session of another database.
    session_check: SessionCheck
    #: What each audit proves beside the ledger's own rules.
    audit_rules: tuple[Rule, ...] = ()
    #: Where audits read, in place of ``engine``.
    standby: Engine | None = None
    #: With how many decimals credits are shown; ``None`` where the program has not said.
    scale: int | None = None


class Verbs(ABC):
    """The setup that verbs work with, and the three ways in which they run."""

    @property
    @abstractmethod
    def setup(self) -> Setup:
        """What every verb works with."""

    @property
    @abstractmethod
    def _session(self) -> Session | None:
        """The caller's session; ``None`` where each verb is a transaction of its own."""

    def _join(
        self,
        verb: Callable[Concatenate[Session, Arguments], Result],
        /,
        *args: Arguments.args,
        **terms: Arguments.kwargs,
    ) -> Result:
        """Write in the caller's transaction; where there is none, in one of its own.

        :raises UnfitDatabase: The caller's session leads to another database, or schema, than the ledger's.
        """
        if self._session is None:
            return self._alone(verb, *args, **terms)
        with raising_busy():
            self.setup.session_check.refuse_elsewhere(self._session)
            return verb(self._session, *args, **terms)

    def _alone(
        self,
        verb: Callable[Concatenate[Session, Arguments], Result],
        /,
        *args: Arguments.args,
        **terms: Arguments.kwargs,
    ) -> Result:
        """Write in a transaction of its own, and commit."""
        self._refuse_to_wait_for_itself()
        return commit_alone(
            self.setup.engine, lambda session: verb(session, *args, **terms), within_s=LOCK_TIMEOUT_S
        )

    def _read(
        self,
        query: Callable[Concatenate[Session, Arguments], Result],
        /,
        *args: Arguments.args,
        **terms: Arguments.kwargs,
    ) -> Result:
        """Read as the caller's transaction sees it; where there is none, what is committed."""
        with raising_busy():
            if self._session is not None:
                return query(self._session, *args, **terms)
            with Session(self.setup.engine) as session:
                return query(session, *args, **terms)

    def _refuse_key(self, key: str) -> None:  # noqa: B027 - a ledger alone has no such program above it
        """Refuse a key that the program above the ledger posts under itself.

        :raises ValueError: It is one of those.
        """

    def _refuse_to_wait_for_itself(self) -> None:
        """Refuse a verb that commits by itself where the caller's session is SQLite's one writer."""
        if self.setup.engine.dialect.name != "sqlite" or self._session is None:
            return
        if is_writing(self._session):
            raise RuntimeError(
                "Your session has written and not committed. This verb commits by itself, on a connection of "
                "its own, and SQLite has one writer at a time: commit or roll back your session first."
            )


def refuse_key(verbs: Verbs, key: str) -> None:
    """Refuse a key as these verbs do, in one that is written elsewhere.

    :raises ValueError: The program above the ledger posts under it itself.
    """
    verbs._refuse_key(key)
