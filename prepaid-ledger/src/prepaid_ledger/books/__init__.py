"""The rules by which credits move: spends, grants and purchases in ``entries.py``, each further verb in its file.

Imports ``clock``, ``database``, ``errors``, ``tables``.
"""
