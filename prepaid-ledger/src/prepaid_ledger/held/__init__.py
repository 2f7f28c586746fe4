"""Credits in the hand of who does the work: held as a block, or step by step by a meter.

Imports ``background``, ``books``, ``books/wallets``, ``checks``, ``clock``, ``database``, ``errors``,
``prices``, ``tables``.
"""
