"""The rules by which credits move. ``entries.py`` spends, receives and adjusts; other verbs have a file each.

Imports ``books/budgets``, ``books/lots``, ``books/wallets``, ``checks``, ``clock``, ``database``,
``errors``, ``slots``, ``tables``.
"""
