"""A developer writes a price list, or hands Prepaid something, that will not do.

Each row is one way: what was written, and what the sentence says of it. Nothing is sold.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.views import MethodView

from flask_prepaid import Operator, Operators, Pack, Plan, Prepaid, PriceTier, Quantity, Role, Team
from flask_prepaid.errors import ConfigError
from prepaid_ledger import Rates


async def awaited() -> str:
    return "one"


def yielding() -> Iterator[str]:
    yield "one"


async def awaited_yielding() -> AsyncIterator[str]:
    yield "one"


class Awaited:
    """A function of a host's may be an object, too."""

    async def __call__(self) -> str:
        return "one"


class View(MethodView):
    def get(self) -> str:
        return "a report"


#: What stands in the module that has the price list, and what is said of it.
PRICES: list[tuple[Callable[[], object], str]] = [
    # types
    (lambda: Pack("a", 1.5, 100), "Pack('a').credits is 1.5. Write a whole number from 1 to 1,000,000,000."),  # type: ignore[arg-type]
    (lambda: Pack("a", "100", 500), "Pack('a').credits is '100'"),  # type: ignore[arg-type]
    (lambda: Pack("a", True, 500), "Pack('a').credits is True"),
    (lambda: Pack("a", 0, 500), "Pack('a').credits is 0"),
    (lambda: Pack("a", 100, 5.0), "It is in the smallest unit: 1234 is $12.34."),  # type: ignore[arg-type]
    (lambda: Pack("a", 100, -500), "Pack('a').amount_minor is -500"),
    (lambda: Pack("a", 100, 500, bonus=-1), "Pack('a').bonus is -1"),
    (lambda: Pack("a", 100, 500, name=""), "Pack('a').name is ''"),
    (lambda: Pack("a", 100, 500, "usdc"), "Write a code of three small letters"),
    # units
    (lambda: Pack("a", 100, 5), "Pack('a').amount_minor is 5, $0.05. Stripe charges nothing below $0.50"),
    (lambda: Pack("a", 100, 29, "gbp"), "nothing below £0.30: write 30 or more"),
    (lambda: Pack("a", 100, 100_000_000), "from 0 to 99,999,999"),
    (
        lambda: Pack("a", 100, 1_255, "kwd"),
        "1.255 KWD is finer than Stripe takes: write a multiple of 0.010 KWD",
    ),
    (lambda: Pack("a", 100, 500, expires_after=30), "Write a timedelta from 1 s"),  # type: ignore[arg-type]
    (lambda: Pack("a", 100, 500, expires_after=timedelta(0)), "Pack('a').expires_after"),
    # names
    (lambda: Pack("a", 100, 500, "USD"), "Pack('a').currency is 'USD'. Did you mean usd?"),
    (lambda: Pack("a", 100, 500, "dollars"), "currency is 'dollars'. Write a code of three small letters"),
    (lambda: Pack("a", 100, 500, "uzd"), "Write a code of three small letters"),
    (lambda: Pack("a", 100, 500, None), "Pack('a').currency is None"),  # type: ignore[arg-type]
    # slugs
    (lambda: Pack("", 100, 500), "Pack('').slug is ''. Write letters"),
    (lambda: Pack("my pack", 100, 500), "Pack('my pack').slug"),
    (lambda: Pack(7, 100, 500), "Pack(7).slug is 7"),  # type: ignore[arg-type]
    (lambda: Pack("a" * 65, 100, 500), "at most 64"),
    (lambda: Prepaid(packs=[Pack("a", 1, 500), Pack("a", 2, 900)]), "Two packs have the slug 'a'"),
    (lambda: Prepaid(plans=[Plan("a", 1, 500), Plan("a", 2, 900)]), "Two plans have the slug 'a'"),
    # plans
    (lambda: Plan("p", 100, 500, interval="monthly"), "Plan('p').interval is 'monthly'. Did you mean month?"),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, interval="year", every="week"), "Plan('p').every is 'week'. Write month."),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, interval_count=0), "Plan('p').interval_count is 0"),
    (lambda: Plan("p", 100, 500, interval="year", interval_count=4), "from 1 to 3"),
    (lambda: Plan("p", 100, 49), "$0.49. Stripe charges nothing below $0.50"),
    (lambda: Plan("p", 100, 0), "Plan('p').amount_minor is 0"),
    (lambda: Plan("p", 100, 500, trial_days="7"), "Plan('p').trial_days is '7'"),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, trial_days=731), "from 0 to 730"),
    (lambda: Plan("p", 100, 500, trial_credits=5), "Give the plan trial_days, too."),
    (lambda: Plan("p", 100, 500, trial_needs_card=False), "Give the plan trial_days, too."),
    (lambda: Plan("p", 100, 500, trial_needs_card="no"), "Write True or False."),  # type: ignore[arg-type]
    (lambda: Plan("p", 100, 500, roll_over=-1), "Plan('p').roll_over is -1"),
    (lambda: Plan("p", 100, 500, max_quantity=0), "Plan('p').max_quantity is 0"),
    (lambda: Plan("p", 100, 90_000_000, max_quantity=2), "from 1 to 49,999,999"),
    # quantities
    (lambda: Quantity(()), "Let them rise by from_credits"),
    (lambda: Quantity(PriceTier(1, 100)), "Write a tuple of tiers"),  # type: ignore[arg-type]
    (lambda: Quantity(((1, 100),)), "Write a tuple of tiers"),  # type: ignore[arg-type]
    (lambda: Quantity((PriceTier(5, 100),)), "the first cover min_credits"),
    (lambda: Quantity((PriceTier(1, 100), PriceTier(1, 90))), "Let them rise"),
    (lambda: Quantity((PriceTier(1, 100),), min_credits=9, max_credits=8), "Quantity.min_credits is 9"),
    (lambda: Quantity((PriceTier(1, 100),), currency="dollar"), "Quantity.currency is 'dollar'"),
    (
        lambda: Quantity((PriceTier(1, 10), PriceTier(100, 8))),
        "1 credit would cost $0.10, and Stripe charges nothing below $0.50. Write min_credits=5.",
    ),
    (lambda: Quantity((PriceTier(1, 1),), max_credits=20), "Let more be bought, or at a higher price."),
    (lambda: Quantity((PriceTier(1, 10**6),)), "Stripe charges at most $999,999.99. Write fewer."),
    (
        lambda: Quantity((PriceTier(1, 100), PriceTier(2_000, 80))),
        "Quantity.max_credits is 1000, and a tier begins at 2000. Write max_credits=2000 or more",
    ),
    (lambda: PriceTier(0, 100), "PriceTier(0, 100).from_credits is 0"),
    (lambda: PriceTier(1, 0.5), "PriceTier(1, 0.5).unit_minor is 0.5"),  # type: ignore[arg-type]
    (lambda: Pack("a", 100, prices={"US": 500}), "is 'US'. Did you mean usd?"),
    # what is handed to Prepaid
    (lambda: Prepaid(packs=Pack("a", 1, 500)), "Write a list: packs=[Pack(...)]"),  # type: ignore[arg-type]
    (lambda: Prepaid(packs=[Plan("p", 1, 500)]), "Write Pack(...) there"),  # type: ignore[list-item]
    (lambda: Prepaid(packs=["starter"]), "One of packs is 'starter'"),  # type: ignore[list-item]
    (lambda: Prepaid(quantity=100), "quantity is 100"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner="user:1"), "Prepaid(owner=...) is 'user:1'. Give it a function."),  # type: ignore[arg-type]
    (lambda: Prepaid(clock=0), "Prepaid(clock=...) is 0"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=awaited), "Give it a function, not an async one"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=Awaited()), "Give it a function, not an async one"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=yielding), "that returns, not one that yields"),  # type: ignore[arg-type]
    (lambda: Prepaid(owner=lambda r: r), "It is called without arguments, and takes (r)"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid(email=lambda: None), "It is called with owner, and takes ()"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid(mail=lambda to: 1, email=str), "with address and subject and text, and takes (to)"),  # type: ignore[arg-type]
    (lambda: Prepaid(trial=True), "Prepaid(trial=...) is True"),  # type: ignore[arg-type]
    (lambda: Operators(current=awaited), "Operators(current=...) is <function awaited"),  # type: ignore[arg-type]
    (lambda: Operators(current=lambda: None, blocked=len, find=3), "Operators(find=...) is 3"),  # type: ignore[arg-type]
    (lambda: Operator("olga", "boss"), "Operator(role=...) is 'boss'. Write Role.SUPPORT, Role.FINANCE or"),  # type: ignore[arg-type]
    (lambda: Operator("", Role.ADMIN), "Operator(name=...) is ''"),
    (lambda: Operator("olga", Role.ADMIN, prove="/again"), "Operator(prove=...) is '/again'. Give it a"),  # type: ignore[arg-type]
    (lambda: Operators(current=lambda: "olga").of_request(), "gave is 'olga'. Give Operator(name=..., role="),  # type: ignore[arg-type, return-value]
    (lambda: Operators(current=lambda: None, block=print), "give it Operators(blocked=...), too"),
    (lambda: Operators(current=lambda: None, blocked_among=list), "give it Operators(blocked=...), too"),
    (lambda: Prepaid(operators=["pat"]), "Write Operators(current=...) there"),  # type: ignore[arg-type]
    (lambda: Prepaid(team="org:7"), "Write Team(member=...) there"),  # type: ignore[arg-type]
    (lambda: Team(member="member:5"), "Team(member=...) is 'member:5'. Give it a function."),  # type: ignore[arg-type]
    (lambda: Team(member=lambda: None, labels=lambda: None), "It is called with spenders, and takes ()"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid(mail=print), "needs addresses to write to: give it Prepaid(email=...), too"),
    (lambda: Prepaid(Flask("host")), "Prepaid needs a database: Prepaid(app, db)"),
    (lambda: Prepaid(Quart(), object()), "Prepaid works in a Flask app, not in"),  # type: ignore[arg-type]
    # prices of views
    (lambda: Prepaid().costs(0), "Prepaid.costs(credits) is 0. Write a whole number from 1"),
    (lambda: Prepaid().costs("3"), "Prepaid.costs(credits) is '3'"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1.5), "Prepaid.costs(credits) is 1.5"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1, key="report"), "Prepaid.costs(key=...) is 'report'. Give it a function."),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1, key=awaited), "Give it a function, not an async one"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1, key=lambda r: r), "called without arguments, and takes (r)"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid().costs(1, item=""), "Prepaid.costs(item=...) is ''"),
    (
        lambda: Prepaid().costs(Rates({"page": "2"}, version="1").price("page", 1), item="page"),
        "item=...) is 'page'. The price says its item",
    ),
    (lambda: Prepaid().costs(awaited), "Prepaid.costs(credits) is <function awaited"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(yielding), "not one that yields"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(lambda request: 1), "called without arguments"),  # type: ignore[misc, arg-type]
    (lambda: Prepaid().costs(1)(yielding), "It yields, and would run when its request is over"),
    (lambda: Prepaid().costs(1)(awaited_yielding), "It yields"),
    (lambda: Prepaid().costs(1)(View), "It is a class: put it right above its get or post"),  # type: ignore[arg-type]
    (lambda: Prepaid().costs(1)("report"), "Put it right above a view's def."),  # type: ignore[arg-type]
    (lambda: Flask("host").get("/")(Prepaid().costs(lambda: 1)), "@prepaid.costs has no price"),  # type: ignore[type-var]
]


class Quart:
    """An app of another framework."""


@pytest.mark.parametrize(("write", "sentence"), PRICES)
def test_a_wrong_price_list_is_refused_where_it_is_written(
    write: Callable[[], object], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        write()

    assert sentence in refused.value.message
