from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinds import numbered_for, partitions_for, pytest_generate_tests  # noqa: F401
from sqlalchemy import URL

from prepaid_ledger.testing import Databases, upgrade_ledger


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"), numbered_for(request, upgrade_ledger))


@pytest.fixture
def database(request: pytest.FixtureRequest, kind: str, databases: Databases) -> Iterator[URL]:
    """An empty database of its own; ``kinds.py`` says on which a test runs."""
    url = databases.fresh(kind, partitions=partitions_for(request, kind, sample=True))
    yield url
    databases.drop(url)
