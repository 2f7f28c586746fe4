"""One wallet: its row is locked, its entries are written, and each says who spends on what.

Imports ``checks``, ``clock``, ``database``, ``errors``, ``slots``, ``tables``.
"""
