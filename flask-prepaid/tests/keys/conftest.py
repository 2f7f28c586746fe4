from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from .host import Host


@pytest.fixture
def host(database: URL) -> Iterator[Host]:
    """Whatever a test does to it, the books add up at the end."""
    host = Host(database)
    yield host
    host.db.session.rollback()
    assert host.prepaid.audit() == []
    host.close()
