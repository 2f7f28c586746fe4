from __future__ import annotations

import pytest
from sqlalchemy import URL

from flask_prepaid.testing import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, databases: Databases) -> URL:
    """An empty database of its own; the test runs once on each kind."""
    return databases.fresh(request.param)
