"""Made-up customers: who they are, how often they come, what they buy, and what befalls them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from flask.testing import FlaskClient

#: Cards and how often they are used: from the United States and elsewhere, and two that are refused.
CARDS = {
    "4242424242424242": 50,
    "5555555555554444": 14,
    "4000002760000016": 9,
    "4000008260000000": 9,
    "4000001240000000": 6,
    "4000000760000002": 6,
    "4000000000000002": 8,
    "4000000000009995": 5,
}
SOUND = "4242424242424242"

#: Pays nothing.
REFUSED = "4000000000009995"

#: It can be left on file, and pays nothing.
EMPTY = "4000000000000341"

PLANS = {"small": 5, "medium": 3, "large": 1}

#: What one customer in so many is like.
TEMPERS = {
    "looks": 20,
    "tries": 26,
    "returns": 22,
    "works": 10,
    "subscribes": 22,
}

#: On how many days they want how many numbers at most. The demo customer is none of the others.
WANTS = {
    "looks": (0.03, 2),
    "tries": (0.08, 6),
    "returns": (0.16, 8),
    "works": (0.55, 40),
    "subscribes": (0.35, 12),
    "demo": (0.3, 5),
}

#: What befalls a customer, and the temper that it takes. The first customers get one each, so that the
#: shortest history has all of them; of the others, one in ``SELDOM`` gets one.
FATES = {
    "tops up": "works",
    "owes and pays": "subscribes",
    "wants money back": "returns",
    "is refused": "returns",
    "owes and goes": "subscribes",
    "disputes": "works",
    "is kept by a discount": "subscribes",
}
SELDOM = 6

NAMES = (
    "ada ben cleo dan eva fay gus hana ivo jo kai lea max nia otto pia quin rosa sam tea uma vic wim yara zoe"
)


@dataclass
class Person:
    """A customer: when they come first, what they are like, and what befalls them."""

    name: str
    comes_on: int
    temper: str
    card: str
    stays: int
    fate: str | None = None
    has_met_fate: bool = False
    password: str = "a password of the demo"
    has_account: bool = False
    browser: FlaskClient | None = None
    user_id: int = 0
    subscribed: bool = False
    tops_up: bool = False

    def wants(self, chance: random.Random) -> int:
        """How many numbers they want today."""
        often, many = WANTS[self.temper]
        return chance.randint(1, many) if chance.random() < often else 0


def somebody(number: int, days: int, chance: random.Random) -> Person:
    """The customer of this number, of so many days. More come each month than the month before."""
    temper, card = (chance.choices(list(one), list(one.values()))[0] for one in (TEMPERS, CARDS))
    comes_on, stays = int(days * chance.random() ** 0.6), int(chance.expovariate(1 / 150)) + 3
    fate = None
    if number < len(FATES):
        fate = list(FATES)[number]
        temper, comes_on, stays = FATES[fate], days * number // 24, days
        card = REFUSED if fate == "is refused" else SOUND
    elif chance.random() < 1 / SELDOM:
        fate = next(
            (name for name in sorted(FATES, key=lambda _: chance.random()) if FATES[name] == temper), None
        )
    name = f"{chance.choice(NAMES.split())}{number}@customers.test"
    return Person(name, comes_on, temper, card, stays, fate)
