"""The proof that the books are right.

Imports ``audit/replay``, ``audit/rules``, ``audit/scope``, ``checks``, ``clock``, ``database``, ``tables``.
"""
