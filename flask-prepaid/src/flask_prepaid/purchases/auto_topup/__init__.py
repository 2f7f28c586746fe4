"""Auto top-up: a customer's card buys packs by itself when credits run low. Part of ``purchases``.

``topups.py`` switches it on and off, and buys. ``topup_rules.py`` says when it is time: it reads in
``topup_cause.py`` how credits fell, and in ``topup_ceiling.py`` what the month has room for.
"""
