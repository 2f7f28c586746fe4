"""What is undone: spends, and credits whose money went back.

Imports ``books``, ``books/budgets``, ``books/lots``, ``books/wallets``, ``checks``, ``clock``, ``errors``,
``tables``.
"""
