"""Money of a payment that goes back, in whatever way, and the credits that go with it. Part of ``purchases``.

``refunds.py`` asks for a refund, of what ``refundable.py`` says is left, and ``refund_sync.py`` writes what
Stripe says of it. ``credit_notes.py`` and ``disputes/`` are the other ways. ``went_back.py`` asks what went
back before a payment was paid here, and ``twice/`` is what went back a second time; ``taking_back.py`` says
how many credits go, and ``previews.py`` before they do.
"""
