"""What a verb has written in the host's session, and nobody has committed: a host is warned of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, g
from sqlalchemy.orm import Session

from prepaid_ledger import LedgerVerbs

from . import checks

log = logging.getLogger(__name__)

#: Where an app's context keeps the session in which a verb has written last, and its transaction.
WROTE = "_prepaid_wrote"


class JoinedVerbs(LedgerVerbs):
    """The verbs of the ledger; those that write in the host's transaction are noted."""

    def _refuse_key(self, key: str) -> None:
        checks.not_own_key(key)

    def _join(self, verb: Callable[..., Any], /, *args: Any, **terms: Any) -> Any:
        result = super()._join(verb, *args, **terms)
        if self._session is not None:
            note_write(self._session)
        return result


def note_write(session: Session) -> None:
    """Remember that a verb has written in this transaction of the host's."""
    setattr(g, WROTE, (session, session.get_transaction()))


def has_written(session: Session) -> bool:
    """Whether a verb has written in this transaction of the host's, which goes on."""
    _session, begun = g.get(WROTE, (None, None))
    return begun is not None and begun is session.get_transaction()


def warn_of_uncommitted(app: Flask) -> None:
    """Log at the end of a request, a command or a block of ``app_context`` what nobody has committed.

    What ends by an error, or has rolled back, has undone it on purpose.
    """

    @app.teardown_appcontext
    def say(error: BaseException | None) -> None:
        session, begun = g.pop(WROTE, (None, None))
        if error is None and begun is not None and begun is session.get_transaction():
            log.warning(
                "A verb of Prepaid has written in db.session, and nobody has committed: none of it stands. "
                "Call db.session.commit() after it."
            )
