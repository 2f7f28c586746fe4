from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from prepaid_ledger.testing import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture
def database(kind: str, databases: Databases) -> Iterator[URL]:
    """An empty database of its own; the root's ``conftest.py`` says on which kinds a test runs."""
    url = databases.fresh(kind)
    yield url
    databases.drop(url)
