"""What a wallet is and was, read without writing. Imports ``books``, ``books/budgets``, ``books/lots``,
``books/wallets``, ``checks``, ``clock``, ``errors``, ``tables``."""
