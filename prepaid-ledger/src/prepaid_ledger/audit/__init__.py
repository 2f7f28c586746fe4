"""The proof that the books are right.

Imports ``slots``, ``tables``, and of ``books`` the pure rules and key names.
"""
