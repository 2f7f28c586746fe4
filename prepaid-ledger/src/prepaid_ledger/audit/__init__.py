"""The proof that the books are right.

Imports ``books``, ``checks``, ``database``, ``slots``, ``tables``.
"""
