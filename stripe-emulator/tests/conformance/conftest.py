from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .receiver import Receiver


@pytest.fixture(scope="session")
def cli() -> Path:
    """Stripe's program as npm's lock names it; ``./dev test`` fetches it."""
    return Path(os.environ["NODE_MODULES"], "@stripe", "cli-linux-x64", "bin", "stripe")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
