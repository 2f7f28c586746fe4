"""What a budget counts: its windows, and each charge as it comes and goes.

Imports ``books/wallets``, ``errors``, ``tables``.
"""
