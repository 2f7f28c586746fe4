"""A sample of the campaign ``malformed``: no request gives a 500, and none hangs."""

from __future__ import annotations

from ..running_shop import RunningShop
from .malformed import Sender

#: On each of two databases.
SAMPLE = 250


def test_no_malformed_request_gives_a_500_or_hangs(any_shop: RunningShop) -> None:
    outcome = Sender(any_shop, seed=7).send(SAMPLE)

    assert outcome.faults == []
    assert outcome.statuses.total() == SAMPLE
    assert outcome.statuses[200] > SAMPLE / 20, "they do reach the pages"
