"""What lies outside of the books: marks of them, spends of years ago, copies. Part of ``operations``.

``places.py`` opens a file or another database; ``marks.py`` keeps each wallet's latest entry there,
``archiving.py`` moves old spends there, ``copy_books.py`` carries all: each table by ``rows.py``, while what
``at_rest.py`` names rests.
"""
