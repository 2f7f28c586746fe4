"""Credits for any Python program: wallets, entries, lots, holds, and the proof that they are right."""

from .archive.archiving import Archived
from .audit.audit import Audited
from .audit.scope.problem import Problem, Rule
from .books.allowances import ALLOWANCE_GRACE
from .books.reversals.shares import credits_of_refund
from .checks import check_key, check_owner, is_fit, is_whole
from .database.upgrade import include_name
from .errors import (
    BudgetExceeded,
    Busy,
    HoldClosed,
    InsufficientCredits,
    KeyReused,
    NothingToReverse,
    PrepaidError,
    TablesLack,
    UnfitDatabase,
    UnknownVersion,
    WalletBlocked,
)
from .held.held_credits import HeldCredits
from .held.meters import Meter
from .ledger import HOLD_EXPIRES_AFTER, Ledger
from .prices import Price, PriceLine, Rates
from .reading.budgets import BudgetSummary
from .reading.entries import Page
from .reading.quotes import Quote
from .reading.statements import Statement
from .reading.usage import Usage
from .reading.wallets import LotSummary, WalletSummary
from .spends.single import SpendRequest, Spent
from .tables import Entry, Hold, HoldState, Kind
from .units import Unit
from .verbs import LedgerVerbs, Setup

__all__ = [
    "ALLOWANCE_GRACE",
    "HOLD_EXPIRES_AFTER",
    "Archived",
    "Audited",
    "BudgetExceeded",
    "BudgetSummary",
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
    "LotSummary",
    "Meter",
    "NothingToReverse",
    "Page",
    "PrepaidError",
    "Price",
    "PriceLine",
    "Problem",
    "Quote",
    "Rates",
    "Rule",
    "Setup",
    "SpendRequest",
    "Spent",
    "Statement",
    "TablesLack",
    "UnfitDatabase",
    "Unit",
    "UnknownVersion",
    "Usage",
    "WalletBlocked",
    "WalletSummary",
    "check_key",
    "check_owner",
    "credits_of_refund",
    "include_name",
    "is_fit",
    "is_whole",
]
