"""What a wallet is and was, read without writing. Imports ``books``, ``clock``, ``errors``,
``tables``."""
