"""Saved cards: Stripe has them, and here is a copy to show. Part of ``purchases``.

``cards.py`` is what is done with them, ``cards_on_file.py`` what the copy has. ``copies.py`` copies them,
once ``twins.py`` has merged a number that was left twice and ``which_pays.py`` has said which card is the
default.
"""
