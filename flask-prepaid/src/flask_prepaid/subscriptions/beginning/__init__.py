"""How a plan begins: on Stripe's page or with a card on file, and at most once. Part of ``subscriptions``.

``subscribing.py`` asks Stripe, ``beginnings.py`` writes down before what is asked, ``earlier_plans.py``
closes what was begun before, and ``unanswered.py`` finds out what came of it. ``trials.py`` says who gets a
free trial, and ``trial_cards.py`` lets a card begin one.
"""
