"""Each number of a range is as likely as any other."""

from __future__ import annotations

from collections import Counter

import pytest

from rando_number.numbers import Ask

DRAWS = 20_000


def too_uneven(values: list[int], low: int, high: int) -> bool:
    """Whether chi-squared is beyond what chance does once in a million runs.

    The bound is Wilson and Hilferty's: https://doi.org/10.1073/pnas.17.12.684
    """
    span = high - low + 1
    expected = len(values) / span
    counts = Counter(values)
    chi_squared = sum((counts[value] - expected) ** 2 / expected for value in range(low, high + 1))
    freedom = span - 1
    one_in_a_million = 4.75
    spread = 2 / (9 * freedom)
    return chi_squared > float(freedom * (1 - spread + one_in_a_million * spread**0.5) ** 3)


@pytest.mark.parametrize(("low", "high"), [(0, 9), (1, 6), (0, 1), (-50, 49), (1, 1_000)])
def test_numbers_are_uniform(low: int, high: int) -> None:
    drawn = [number for _ in range(2) for number in Ask(DRAWS // 2, low, high).draw()]

    assert set(drawn) <= set(range(low, high + 1))
    assert not too_uneven(drawn, low, high)


def test_the_test_notices_a_generator_that_folds_by_a_remainder() -> None:
    folded = [byte % 100 for byte in range(256)] * (DRAWS // 256)

    assert too_uneven(folded, 0, 99)


def test_the_widest_range_can_be_drawn_from() -> None:
    widest = Ask(100, -(2**53) + 1, 2**53 - 1).draw()

    assert len(set(widest)) == 100
    assert min(widest) < 0 < max(widest)
