"""Finished spends leave the books for a database of their own, once they are old enough.

Imports ``audit``, ``books``, ``checks``, ``clock``, ``database``, ``errors``, ``tables``.
"""
