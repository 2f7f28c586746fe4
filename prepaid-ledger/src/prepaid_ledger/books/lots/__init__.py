"""Which credits go first: the rule, its rows, and the lots of many wallets at once.

Imports ``books/wallets``, ``clock``, ``database``, ``slots``, ``tables``.
"""
