"""The proof that the books are right. Imports ``tables``, and the pure rules of ``books``, never what writes."""
