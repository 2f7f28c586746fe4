"""The proof that the books are right. Reads the tables and the pure rules of lots, never what writes."""
