"""How long a process that serves waits for PostgreSQL, which may stand still and keep no timeout of its own.

Needs psycopg: only ``answer_within`` and what runs on psycopg import it.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, event

Result = TypeVar("Result")

#: The server's own timeouts come first by so much: they say what it waited for.
GRACE_S = 0.5

#: After a silence nothing is asked for so long. Whoever comes then is refused at once, and waits for nobody.
PAUSE_S = 1.0


class NoAnswer(psycopg.OperationalError):
    """PostgreSQL did not answer in time. What it was asked to do may happen yet."""


class Silence:
    """Since when one engine's server has been silent, and how long that is borne."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._noted_s: float | None = None

    def note(self) -> None:
        self._noted_s = monotonic()

    def refuse_to_wait(self) -> None:
        """
        :raises NoAnswer: The server was silent a moment ago.
        """
        if self._noted_s is not None and monotonic() - self._noted_s < PAUSE_S:
            raise NoAnswer("the database did not answer a moment ago")

    def bound(self, steps: PQGen[Result], connection: Watched) -> PQGen[Result]:
        """The steps of one exchange with the server, of which none may be waited for too long."""
        try:
            self.refuse_to_wait()
            until_s = monotonic() + self.patience_s
            wanted = next(steps)
            while True:
                ready = yield wanted
                now_s = monotonic()
                if ready:
                    until_s = now_s + self.patience_s
                elif now_s > until_s:
                    self.note()
                    raise NoAnswer(f"the database has not answered for {self.patience_s:g} s")
                wanted = steps.send(ready)
        except StopIteration as done:
            result: Result = done.value
            return result
        except NoAnswer:
            connection.pgconn.finish()  # an answer that comes late would be taken for the next one
            raise


class WatchedConnection(psycopg.Connection[Any]):
    """A connection on which no answer is waited for too long."""

    silence: Silence

    def wait(self, gen: PQGen[Result], *args: Any, **options: Any) -> Result:
        return super().wait(self.silence.bound(gen, self), *args, **options)


class WatchedAsyncConnection(psycopg.AsyncConnection[Any]):
    """A connection of an event loop on which no answer is waited for too long."""

    silence: Silence

    async def wait(self, gen: PQGen[Result], *args: Any, **options: Any) -> Result:
        return await super().wait(self.silence.bound(gen, self), *args, **options)


Watched = WatchedConnection | WatchedAsyncConnection


def watch(engine: Engine, within_s: float) -> None:
    """Watch every connection that ``engine`` makes from now on; those that it has are closed.

    A statement that takes longer than ``within_s`` is ended by the server, too, so that it does not work for
    nobody; but not behind a pooler, which takes no settings from its clients.
    """
    silence = Silence(within_s + GRACE_S)

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: object, record: object, words: list[Any], options: dict[str, Any]
    ) -> WatchedConnection:
        silence.refuse_to_wait()
        given = options.get("options", "")
        if "statement_timeout" not in given and not is_pooled(options):
            options["options"] = f"{given} -c statement_timeout={round(within_s * 1000)}".strip()
        began_s = monotonic()
        try:
            connection = WatchedConnection.connect(*words, **options)
        except psycopg.OperationalError:  # of several hosts, the last one's: another one may have been silent
            if monotonic() - began_s > PAUSE_S:
                silence.note()
            raise
        connection.silence = silence
        return connection

    engine.dispose()


def is_pooled(options: dict[str, Any]) -> bool:
    """Whether psycopg is told to prepare nothing, as behind a pooler that gives out connections by turns."""
    return "prepare_threshold" in options and options["prepare_threshold"] is None


def awaited(connection: psycopg.Connection[Any]) -> psycopg.AsyncConnection[Any]:
    """The connection for an event loop, watched if it was."""
    if not isinstance(connection, WatchedConnection):
        return psycopg.AsyncConnection(connection.pgconn)
    driven = WatchedAsyncConnection(connection.pgconn)
    driven.silence = connection.silence
    return driven
