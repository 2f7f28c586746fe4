"""Credits for any Python program: wallets, entries, lots, holds, and the proof that they are right."""

from .audit.audit import Rule
from .audit.replay import Problem
from .books.clawbacks import credits_of_refund
from .errors import (
    Busy,
    HoldClosed,
    InsufficientCredits,
    KeyReused,
    NothingToReverse,
    PrepaidError,
    UnfitDatabase,
    WalletBlocked,
)
from .held_credits import HeldCredits
from .ledger import Ledger
from .reading.statements import Statement
from .reading.wallets import LotLine, Page, Standing
from .spends.single import Ask, Spent
from .tables import Entry, Hold, HoldState, Kind
from .verbs import LedgerVerbs, Setup

__all__ = [
    "Ask",
    "Busy",
    "Entry",
    "HeldCredits",
    "Hold",
    "HoldClosed",
    "HoldState",
    "InsufficientCredits",
    "KeyReused",
    "Kind",
    "Ledger",
    "LedgerVerbs",
    "LotLine",
    "NothingToReverse",
    "Page",
    "PrepaidError",
    "Problem",
    "Rule",
    "Setup",
    "Spent",
    "Standing",
    "Statement",
    "UnfitDatabase",
    "WalletBlocked",
    "credits_of_refund",
]
