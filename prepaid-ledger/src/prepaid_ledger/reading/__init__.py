"""What a wallet is and was, read without writing. Imports ``books``, ``checks``,
``clock``, ``errors``, ``tables``."""
