"""In which language a customer reads, and the words, numbers and dates of it.

``choice.py`` says which language that is, ``words.py`` has the messages of the catalogues in
``translations/``, and ``formats.py`` writes credits, amounts and times. Operators and programs read English:
``units.py`` writes their credits.

Imports ``money``.
"""
