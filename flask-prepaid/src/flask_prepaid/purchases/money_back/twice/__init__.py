"""Money that went back a second time, and what it had paid for by then. Part of ``purchases``.

``balance_money.py`` takes that back, of what ``gone_twice.py`` works out; ``moved_money.py`` reads where
money of payments has moved to.
"""
