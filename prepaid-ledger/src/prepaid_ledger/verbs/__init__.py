"""The ledger's verbs, each once: ``Ledger`` has them on an engine, a host's extension on its own session.

``spend``, ``grant``, ``purchase``, ``allowance``, ``add_to_allowance``, ``move_end``, ``adjust``,
``reverse``, ``claw_back`` and ``restore`` write in the caller's transaction where there is one, and never
commit it; where there is none, each is a transaction of its own. All other verbs that write commit by
themselves, on a connection of their own: on SQLite, which has one writer at a time, commit your session
first.

Imports ``archive``, ``audit``, ``audit/scope``, ``books``, ``books/reversals``, ``books/wallets``,
``checks``, ``clock``, ``database``, ``errors``, ``held``, ``prices``, ``reading``, ``spends``,
``spends/group_commit``, ``tables``.
"""

from __future__ import annotations

from .base import Setup
from .holding import Holding
from .incoming import Incoming
from .reads import Reads
from .spending import Spending
from .upkeep import Upkeep

__all__ = ["LedgerVerbs", "Setup"]


class LedgerVerbs(Reads, Spending, Holding, Incoming, Upkeep):
    """What can be done with credits."""
