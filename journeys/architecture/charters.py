"""Which room of each package may import which others. A room is a folder, or a file at the top.

A room that stands in no charter fails the test, and so does a charter for a room that is gone.
``...`` in place of a set: it may import everything of its package.
"""

from __future__ import annotations

from types import EllipsisType

from . import emulator, extension, ledger, shop
from .imports import Package

#: What each room may import of its own package, by the room's path below it.
Charter = dict[str, set[str] | EllipsisType]

CHARTERS: dict[Package, Charter] = {
    Package("prepaid-ledger", "prepaid_ledger"): ledger.CHARTER,
    Package("flask-prepaid", "flask_prepaid"): extension.CHARTER,
    Package("stripe-emulator", "stripe_emulator"): emulator.CHARTER,
    Package("rando-number", "rando_number"): shop.CHARTER,
}
