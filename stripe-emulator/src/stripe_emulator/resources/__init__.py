"""One file per Stripe object, its routes on top.

A file here registers its routes, its includable fields and what falls due when it is
imported; ``load`` imports all of them. ``customers.py`` is the one to copy.
"""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Import every resource, so that its routes answer."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
