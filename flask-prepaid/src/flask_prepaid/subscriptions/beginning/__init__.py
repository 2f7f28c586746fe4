"""How a plan begins: on Stripe's page or with a card on file, and at most once. Part of ``subscriptions``.

``subscribing.py`` asks Stripe, ``beginnings.py`` writes down before what is asked, ``unanswered.py`` finds
out what came of it, and ``trial_cards.py`` lets a card begin one free trial.
"""
