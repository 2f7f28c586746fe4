"""Finished spends leave the books for a database of their own, once they are old enough.

Imports ``audit/replay``, ``audit/scope``, ``books``, ``checks``, ``clock``, ``database``, ``errors``,
``tables``.
"""
