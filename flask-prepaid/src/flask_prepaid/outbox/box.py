"""The outbox of one app: what ``transaction`` and ``tick`` know of it."""

from __future__ import annotations

from dataclasses import dataclass

from .. import money, signals
from ..context import Context, reading
from . import delivering, forgetting, messages, queues
from .courier import Courier
from .delivering import WriteMail
from .messages import Queues
from .posting import Poster

#: How many owners' queues one tick empties.
AT_ONCE = 200


@dataclass
class AppOutbox:
    """Takes what is to be told, and delivers it.

    :param mailed: The names of the signals that are written to customers by ``write_mail``.
    """

    poster: Poster
    mailed: frozenset[str] = frozenset()
    write_mail: WriteMail | None = None

    def write(self, context: Context) -> Queues:
        """Write down what waits for the commit of the session."""
        outgoing = signals.waiting(context.session)
        if not outgoing:
            return {}
        return messages.write(
            context.session,
            outgoing,
            mailed=self.mailed,
            now=context.clock(),
            claimed=messages.CLAIMED,
        )

    def deliver(self, context: Context, written: Queues) -> None:
        """Deliver what was written and committed to receivers and mailboxes. Nothing is raised."""
        delivering.deliver(context, written, self.write_mail)

    def deliver_due(self, context: Context) -> int:
        """Deliver all that is due, to endpoints, too; how many queues had something. Commits."""
        with reading(context) as session:
            due = queues.due(session, context.clock(), limit=AT_ONCE, endpoints=True)
        self.courier(context).deliver(due)
        heard = delivering.deliver_due(context, self.write_mail, limit=AT_ONCE)
        forgetting.forget(context)
        return len(due) + heard

    def courier(self, context: Context) -> Courier:
        return Courier(context.engine, context.clock, self.poster, money.unit(), self.mailed)
