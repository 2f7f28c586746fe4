"""Our copy of Stripe's balance: each movement, what it was for, and what all add up to. Part of ``reports``.

``copying.py`` copies, ``tying.py`` finds the payment of each movement, ``taxes.py`` and ``fees.py`` are what
of it is tax and fee, ``sums.py`` adds them up by day.
"""
