"""The proof that the books are right.

Imports ``database``, ``slots``, ``tables``, and of ``books`` the pure rules and key names.
"""
