"""All that has happened, read once and played again, wallet by wallet.

Imports ``audit/scope``, ``books``, ``books/lots``, ``checks``, ``clock``, ``database``, ``slots``,
``tables``.
"""
