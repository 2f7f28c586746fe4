"""A sample of the campaign ``malformed``: no request gives a 500, and none hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_prepaid.testing import Databases
from rando_number.extensions import db

from .malformed import ProductionShop, Sender

#: On each of two databases.
SAMPLE = 250


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_malformed_request_gives_a_500_or_hangs(databases: Databases, kind: str, tmp_path: Path) -> None:
    url = databases.fresh(kind)
    shop = ProductionShop(tmp_path, DATABASE_URL=url.render_as_string(hide_password=False))

    outcome = Sender(shop, seed=7).send(SAMPLE)

    assert outcome.faults == []
    assert outcome.statuses.total() == SAMPLE
    assert outcome.statuses[200] > SAMPLE / 20, "they do reach the pages"
    assert any(status == 303 for _, status in outcome.posted), "and the forms do something"
    assert shop.audit() == []
    with shop.app.app_context():
        db.engine.dispose()
    databases.drop(url)
