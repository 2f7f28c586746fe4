"""Rules about all wallets, a file for each subject.

Imports ``audit/replay``, ``audit/scope``, ``books``, ``books/budgets``, ``books/lots``, ``books/reversals``,
``database``, ``tables``.
"""
