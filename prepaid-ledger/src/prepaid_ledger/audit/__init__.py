"""The proof that the books are right.

Imports ``books``, ``books/budgets``, ``books/lots``, ``books/reversals``, ``checks``, ``database``,
``slots``, ``tables``.
"""
