"""Lives at random agree with a model of money and credits; a sample of ``./dev campaign lives``."""

from __future__ import annotations

from contextlib import closing
from inspect import signature
from typing import Any

import pytest

from flask_prepaid.testing import Databases

from .defects import DEFECTS, seeded
from .living import Judge, first_wrong, without_logs
from .shorten import shorten
from .steps import STARTS, Drawn, Step, Words, draw_life

#: Lives that are short, and have much of what can happen in them.
SAMPLE = {"sqlite": (3,), "postgresql": (12,)}

#: The words of a step, but for what it is about.
BOUGHT: Words = {"code": "", "card": "good", "heard": "", "meanwhile": "", "dies": ""}
SENT_BACK: Words = {"door": "here", "heard": "", "dies": ""}


@pytest.mark.parametrize("kind", SAMPLE)
def test_lives_at_random_agree_with_the_model(databases: Databases, kind: str) -> None:
    wrong = first_wrong(databases, kind, SAMPLE[kind], short=False)

    assert wrong is None, wrong and wrong.story()


#: Lives in which product and model once differed.
DIFFERED = {
    "a pack in euros beside a plan in dollars": (
        Step(1, "subscribe", {"plan": "small"}),
        Step(2, "buy", BOUGHT | {"item": "berlin"}),
    ),
    "a code after leaving, and after coming back": (
        Step(1, "leave", {}),
        Step(2, "redeem", {"code": "WELCOME"}),
        Step(3, "buy", BOUGHT | {"item": "starter"}),
        Step(4, "redeem", {"code": "WELCOME"}),
    ),
    "an inquiry, and credits that are spent after it": (
        Step(1, "keep_card", {"card": "good"}),
        Step(2, "top_up", {"pack": "starter", "threshold": 110, "times": 3}),
        Step(3, "dispute", {"of": "top-up", "quarters": 4, "reason": "inquiry", "heard": ""}),
        Step(4, "spend", {"credits": 120, "spender": "", "now": ""}),
    ),
    "money that went back to the card and to the balance, which has paid for a month": (
        Step(1, "subscribe", {"plan": "3 seats"}),
        Step(2, "refund", SENT_BACK | {"of": "plan", "what": "all"}),
        Step(3, "credit_note", {"quarters": 1, "heard": ""}),
        Step(4, "wait", {"hours": 24 * 31, "heard": "", "tick": ""}),
    ),
    "money in the balance, which pays for a pack and a part of a top-up": (
        Step(1, "subscribe", {"plan": "small"}),
        Step(2, "balance", {"minor": -1_000}),
        Step(3, "press", {"item": "starter", "dies": ""}),
        Step(4, "top_up", {"pack": "bonus", "threshold": 300, "times": 1}),
    ),
    "a dispute of a month that is won before the next": (
        Step(1, "subscribe", {"plan": "small"}),
        Step(2, "dispute", {"of": "plan", "quarters": 3, "reason": "fraudulent", "heard": ""}),
        Step(3, "dispute_ends", {"of": 2, "outcome": "won", "heard": ""}),
        Step(4, "wait", {"hours": 24 * 29, "heard": "", "tick": ""}),
    ),
    "refunds that fail together, heard of together": (
        Step(1, "buy", BOUGHT | {"item": "starter", "card": "refunds fail"}),
        Step(2, "refund", SENT_BACK | {"of": 1, "what": "all"}),
        Step(3, "buy", BOUGHT | {"item": "120", "card": "refunds fail"}),
        Step(4, "refund", SENT_BACK | {"of": 3, "what": "credits", "much": 1}),
        Step(5, "wait", {"hours": 1, "heard": "lost", "tick": ""}),
    ),
}


@pytest.mark.parametrize("steps", DIFFERED.values(), ids=DIFFERED)
def test_a_life_in_which_product_and_model_differed(databases: Databases, steps: tuple[Step, ...]) -> None:
    with without_logs(), closing(Judge(databases, "sqlite")) as judge:
        assert judge(Drawn(STARTS[0], steps, invoices=True)) is None


def test_a_life_is_drawn_the_same_each_time_and_a_step_stays_when_others_go() -> None:
    drawn = draw_life(7)

    assert draw_life(7) == drawn
    assert draw_life(8) != drawn


def test_a_life_that_goes_wrong_is_made_short() -> None:
    """The shortest life with two steps of interest is those two."""
    drawn = draw_life(9)
    needed = [drawn.steps[2], drawn.steps[-1]]

    def goes_wrong(shorter: Drawn) -> str | None:
        return "both are there" if all(step in shorter.steps for step in needed) else None

    assert list(shorten(drawn, goes_wrong).steps) == needed


def test_each_mistake_still_finds_its_place_in_the_product() -> None:
    for name, swaps in DEFECTS.items():
        before = [getattr(where, attribute) for where, attribute, _ in swaps]
        with seeded(name):
            for was, (where, attribute, _) in zip(before, swaps, strict=True):
                takes_what_it_takes(getattr(where, attribute), was)

    assert len(DEFECTS) >= 20


def takes_what_it_takes(mistaken: Any, was: Any) -> None:
    """A mistake that can't even be called would be found by each life.

    :raises TypeError: It takes other arguments than what it stands for.
    """
    if not callable(was):
        assert type(mistaken) is type(was)
        return
    taken = signature(was).parameters.values()
    by_name = {each.name: None for each in taken if each.kind is each.KEYWORD_ONLY}
    signature(mistaken).bind(*(None for each in taken if each.kind is each.POSITIONAL_OR_KEYWORD), **by_name)
