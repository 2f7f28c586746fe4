"""The proof that the books are right.

Imports ``checks``, ``database``, ``slots``, ``tables``, and of ``books`` the pure rules.
"""
