"""Real databases for the tests of a host, with the tables of Prepaid in them.

::

    @pytest.fixture(scope="session")
    def databases(tmp_path_factory):
        return Databases(tmp_path_factory.mktemp("databases"))

    @pytest.fixture(params=["sqlite", "postgresql"])
    def database(request, databases):
        return databases.fresh(request.param)  # a URL for SQLAlchemy
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

import prepaid_ledger.testing

from .upgrade import upgrade


class Databases(prepaid_ledger.testing.Databases):
    """Makes databases that hold the tables and nothing else.

    :param folder: Where SQLite's files go.
    :param prepare: Makes the tables; by default those of Prepaid alone.
    """

    def __init__(self, folder: Path, prepare: Callable[[Engine], None] = upgrade) -> None:
        super().__init__(folder, prepare)
