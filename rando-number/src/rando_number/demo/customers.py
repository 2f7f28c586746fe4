"""Made-up customers: how often they come, what they buy, and what happens to them once."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .browsing import Browser

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

#: Every charge of it is refused.
REFUSED = "4000000000009995"

#: It can be saved, and every later charge of it is refused.
EMPTY = "4000000000000341"

PLANS = {"small": 5, "medium": 3, "large": 1}

#: The habits of customers, and how frequent each is.
HABITS = {
    "looks": 20,
    "tries": 26,
    "returns": 22,
    "works": 10,
    "subscribes": 22,
}

#: For each habit: the share of days on which they want numbers, and how many at most.
WANTS = {
    "looks": (0.03, 2),
    "tries": (0.08, 6),
    "returns": (0.16, 8),
    "works": (0.55, 40),
    "subscribes": (0.35, 12),
    "demo": (0.3, 5),
}

#: What happens once to a customer, and the habit that it goes with. The first customers get one incident
#: each, so that the shortest history has all of them; of the others, one in ``SELDOM`` gets one.
INCIDENTS = {
    "tops up": "works",
    "owes and pays": "subscribes",
    "wants money back": "returns",
    "is refused": "returns",
    "owes and goes": "subscribes",
    "disputes": "works",
    "gets a discount": "subscribes",
}
SELDOM = 6

NAMES = (
    "ada ben cleo dan eva fay gus hana ivo jo kai lea max nia otto pia quin rosa sam tea uma vic wim yara zoe"
)

SURNAMES = "Adler Blom Costa Dietz Evans Fischer Garcia Holm Ivanov Jansen Kowalski Lopez Moreau Novak"


@dataclass
class Customer:
    """A made-up customer: when they come first, their habit, and what happens to them once."""

    name: str
    comes_on: int
    habit: str
    card: str
    stays: int
    incident: str | None = None
    had_incident: bool = False
    password: str = "a password of the demo"
    has_account: bool = False
    opened: Browser | None = None
    user_id: int = 0
    subscribed: bool = False
    tops_up: bool = False

    @property
    def full_name(self) -> str:
        """What they write as the name on their card, by their address: ``Rosa Holm`` for ``rosa7@...``."""
        first = self.name.partition("@")[0].rstrip("0123456789")
        surnames = SURNAMES.split()
        number = sum(self.name.encode()) % len(surnames)
        return f"{first.capitalize()} {surnames[number]}"

    @property
    def has_arrived(self) -> bool:
        return self.opened is not None

    @property
    def browser(self) -> Browser:
        assert self.opened is not None, "a customer who has arrived has a browser"
        return self.opened

    def wants(self, chance: random.Random) -> int:
        """How many numbers they want today."""
        often, many = WANTS[self.habit]
        return chance.randint(1, many) if chance.random() < often else 0


def make_customer(number: int, days: int, chance: random.Random) -> Customer:
    """Make up the customer with this number for a history of so many days. More come each month."""
    habit = weighted(HABITS, chance)
    card = weighted(CARDS, chance)
    comes_on, stays = int(days * chance.random() ** 0.6), int(chance.expovariate(1 / 150)) + 3
    incident = None
    if number < len(INCIDENTS):
        incident = list(INCIDENTS)[number]
        habit, comes_on, stays = INCIDENTS[incident], days * number // 24, days
        card = REFUSED if incident == "is refused" else SOUND
    elif chance.random() < 1 / SELDOM:
        shuffled = sorted(INCIDENTS, key=lambda _: chance.random())
        incident = next((name for name in shuffled if INCIDENTS[name] == habit), None)
    name = f"{chance.choice(NAMES.split())}{number}@customers.test"
    return Customer(name, comes_on, habit, card, stays, incident)


def weighted(choices: dict[str, int], chance: random.Random) -> str:
    """One of the choices, each as often as its number says."""
    return chance.choices(list(choices), list(choices.values()))[0]
