"""Tests of billing count days: their shop stands at a known moment."""

from __future__ import annotations

import pytest

from ..shop import Shop


@pytest.fixture
def shop(dated_shop: Shop) -> Shop:
    return dated_shop
