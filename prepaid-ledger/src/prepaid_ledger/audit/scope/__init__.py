"""What an audit looks at: which wallets, from which snapshot, and what was proved of them before.

Imports ``books/lots``, ``database``, ``tables``.
"""
