from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from prepaid_ledger.testing import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, databases: Databases) -> Iterator[URL]:
    """An empty database of its own; the test runs once on each kind."""
    url = databases.fresh(request.param)
    yield url
    databases.drop(url)
