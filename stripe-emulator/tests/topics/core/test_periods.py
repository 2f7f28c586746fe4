"""Where billing periods begin and end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stripe_emulator.core.time.periods import Interval


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")


def boundaries(interval: Interval, anchor: str, times: int) -> list[str]:
    return [day(interval.after(moment(anchor), n)) for n in range(times)]


def test_an_anchor_on_the_31st_comes_back_after_short_months() -> None:
    assert boundaries(Interval("month"), "2026-01-31", 5) == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]


def test_a_year_from_29_february_ends_on_the_28th_until_the_next_leap_year() -> None:
    assert boundaries(Interval("year"), "2024-02-29", 5) == [
        "2024-02-29",
        "2025-02-28",
        "2026-02-28",
        "2027-02-28",
        "2028-02-29",
    ]


@pytest.mark.parametrize(
    ("unit", "count", "end"),
    [
        ("day", 1, "2026-08-01"),
        ("day", 10, "2026-08-10"),
        ("week", 2, "2026-08-14"),
        ("month", 3, "2026-10-31"),
        ("month", 7, "2027-02-28"),
        ("year", 1, "2027-07-31"),
    ],
)
def test_a_period_may_last_several_days_weeks_months_or_years(unit: str, count: int, end: str) -> None:
    assert day(Interval(unit, count).after(moment("2026-07-31"))) == end


@pytest.mark.parametrize("unit", ["day", "week", "month", "year"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_periods_around_a_moment_follow_each_other_without_gap(unit: str, count: int) -> None:
    interval, anchor = Interval(unit, count), moment("2024-02-29T11:22:33")
    start, end = interval.around(moment("2023-01-01"), anchor)
    for _ in range(12):
        assert start < end
        assert interval.around(end - 1, anchor) == (start, end)
        assert interval.around(end, anchor)[0] == end
        start, end = interval.around(end, anchor)


def test_a_moment_before_the_anchor_lies_in_the_period_that_ends_there() -> None:
    start, end = Interval("month").around(moment("2026-03-10"), moment("2026-03-31"))

    assert (day(start), day(end)) == ("2026-02-28", "2026-03-31")


def test_an_interval_reads_as_stripe_writes_it_behind_a_price() -> None:
    assert [str(Interval("month")), str(Interval("month", 3))] == ["month", "every 3 months"]
