"""Credits for any Python program: wallets, entries, lots, holds, and the proof that they are right."""
