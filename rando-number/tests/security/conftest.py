from __future__ import annotations

from pathlib import Path

import pytest

from ..shop import Shop


@pytest.fixture
def confirming_shop(tmp_path: Path) -> Shop:
    """A shop where an address is confirmed before its owner can buy."""
    return Shop(tmp_path, RANDO_CONFIRM_EMAIL="1")


@pytest.fixture
def https_shop(tmp_path: Path) -> Shop:
    """A shop that is served over https."""
    return Shop(tmp_path, RANDO_BASE_URL="https://localhost")
