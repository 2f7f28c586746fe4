"""What Stripe itself answered is what the emulator answers, value by value.

The recordings are real traffic of test mode, by the authors of a library for Ruby (LICENSE is theirs).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import allowed
from .replay import ABSENT, Difference, Exchange, Replay, stories

Played = dict[str, list[tuple[Exchange, list[Difference]]]]


@pytest.fixture(scope="module")
def played() -> Played:
    """Every story, played once."""
    return {number: list(Replay(story).differences()) for number, story in stories().items()}


def is_allowed(difference: Difference) -> bool:
    place, recorded, _ = difference
    if place in (*allowed.OF_ANOTHER_ACCOUNT, *allowed.BY_CHANCE, *allowed.ADDRESSES):
        return True
    if place in allowed.A_MOMENT_LATER:
        return recorded is None
    return place in allowed.ADDED_SINCE and recorded == ABSENT


@pytest.mark.parametrize("number", sorted(stories()))
def test_a_recorded_story_is_answered_as_stripe_answered_it(played: Played, number: str) -> None:
    departures = [
        f"{exchange}: {difference}"
        for exchange, differences in played[number]
        for difference in differences
        if not is_allowed(difference)
    ]

    assert departures == []


def test_every_difference_that_is_allowed_is_there(played: Played) -> None:
    seen = {difference.place for difference in _all(played)}
    listed = {
        *allowed.OF_ANOTHER_ACCOUNT,
        *allowed.BY_CHANCE,
        *allowed.ADDRESSES,
        *allowed.ADDED_SINCE,
        *allowed.A_MOMENT_LATER,
    }

    assert listed - seen == set()


def test_the_comparison_finds_another_value_an_absent_field_and_a_foreign_id() -> None:
    replay = Replay(stories()["030"])
    recorded = {
        "object": "refund",
        "amount": 5,
        "charge": "ch_1234567",
        "reason": None,
        "created": 1_700_000_000,
    }
    ours = {"object": "refund", "amount": 6, "charge": "ch_7654321", "created": 1_700_000_400}
    first = list(replay.compare(recorded, ours))
    second = list(replay.compare({"charge": "ch_1234567"}, {"charge": "ch_9999999"}))

    assert [difference.place for difference in first] == ["refund.amount", "refund.created", "refund.reason"]
    assert [difference.place for difference in second] == ["answer.charge"]


def _all(played: Played) -> Iterator[Difference]:
    for story in played.values():
        for _, differences in story:
            yield from differences
