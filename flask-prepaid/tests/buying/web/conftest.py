"""The browser of these tests, and a shop whose mails they read."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from flask_prepaid.testing import Databases

from ..subscriptions.plan_shop import PlanShop

Mail = tuple[str, str, str]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    return {**browser_type_launch_args, "executable_path": os.environ["CHROMIUM"], "args": quiet}


@pytest.fixture
def sent() -> list[Mail]:
    """What was written: address, subject, text."""
    return []


@pytest.fixture
def opened(databases: Databases, sent: list[Mail]) -> Callable[..., PlanShop]:
    """Opens a shop that writes mails."""

    def open_shop(**settings: Any) -> PlanShop:
        return PlanShop(
            databases.fresh("sqlite"),
            PREPAID_BASE_URL="https://shop.example",
            email=lambda owner: f"{owner}@shop.example",
            mail=lambda *mail: sent.append(mail),
            **settings,
        )

    return open_shop
