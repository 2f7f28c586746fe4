"""What a wallet is and was, read without writing. Imports the books."""
