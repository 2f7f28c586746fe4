"""Saved cards: Stripe has them, and here is a copy to show. Part of ``purchases``.

``cards.py`` is what is done with them, ``twins.py`` one number that was left twice, ``which_pays.py`` the
default.
"""
