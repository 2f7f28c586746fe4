from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apispec import APISpec
from flask_smorest import Api, Blueprint
from kinds import numbered_for
from limits import strategies
from limits.storage import memory
from sqlalchemy import Engine

from flask_prepaid.testing import Databases
from rando_number import create_app
from rando_number.config.security import ARGON2
from rando_number.extensions import db
from rando_number.migrations.upgrade import upgrade
from rando_number.rate_limits import guesses, rates, storage

from .running_shop import RunningShop

AS_SOLD = dict(ARGON2)
QUICK = {"argon2__memory_cost": 8, "argon2__time_cost": 1}


@pytest.fixture(scope="session", autouse=True)
def one_document() -> Iterator[None]:
    """All apps show the first one's document: it is made of our source alone, and half of an app."""
    made: list[APISpec] = []
    make, describe = Api._init_spec, Blueprint.register_views_in_doc

    def make_once(api: Api, **options: Any) -> None:
        if made:
            api.spec = made[0]
        else:
            make(api, **options)

    def describe_once(blueprint: Blueprint, api: Api, *where: Any, **options: Any) -> None:
        if not made:
            describe(blueprint, api, *where, **options)
            made.append(api.spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Api, "_init_spec", make_once)
        patch.setattr(Blueprint, "register_views_in_doc", describe_once)
        yield


class StillClock:
    """Stands in for the module ``time`` where limits are counted: its time passes when a test says so.

    Whoever sleeps by it goes on at once; ``passed_s`` says how long all of them wanted to.
    """

    def __init__(self) -> None:
        self.now_s = time.time()
        self.passed_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return self.passed_s

    def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


@pytest.fixture(autouse=True)
def limits_clock(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    """Count all calls of a test in one moment.

    Windows begin with the minute or the hour by the clock: where one turned between two calls of a test, one
    more would pass than the limit says.
    """
    clock = StillClock()
    for module in (memory, strategies, guesses, rates, storage):
        monkeypatch.setattr(module, "time", clock)
    return clock


#: When all one-time codes are made and looked at: no half-minute ends between the two.
CODES_AT_S = int(time.time())


@pytest.fixture(autouse=True)
def one_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passlib.totp.TOTP.now", staticmethod(lambda: CODES_AT_S))


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash by the same algorithm in a hundredth of the time; nobody is after these."""
    for name, cost in QUICK.items():
        monkeypatch.setitem(ARGON2, name, cost)


@pytest.fixture
def dear_passwords(quick_passwords: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as the shop does in the world."""
    for name, cost in AS_SOLD.items():
        monkeypatch.setitem(ARGON2, name, cost)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RunningShop]:
    """A shop that nobody has visited yet. Whatever happens in it, its books add up at the end."""
    shop = RunningShop(tmp_path)
    yield shop
    assert shop.audit() == []


@pytest.fixture(scope="module")
def lasting_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """One shop for the tests of a file that leave nothing behind: who reads, and who is refused."""
    shop = RunningShop(tmp_path_factory.mktemp("lasting"))
    yield shop
    assert shop.audit() == []


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[RunningShop]:
    """The same on each kind of database."""
    url = databases.fresh(request.param)
    shop = RunningShop(tmp_path, DATABASE_URL=url.render_as_string(hide_password=False))
    yield shop
    assert shop.audit() == []
    with shop.app.app_context():
        db.engine.dispose()
    databases.drop(url)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    data = tmp_path_factory.mktemp("migrations")

    def prepare(engine: Engine) -> None:
        url = engine.url.render_as_string(hide_password=False)
        app = create_app({"RANDO_DATA": str(data), "DATABASE_URL": url})
        with app.app_context():
            upgrade()
            db.engine.dispose()

    return Databases(tmp_path_factory.mktemp("databases"), numbered_for(request, prepare))


@pytest.fixture
def guarded_shop(tmp_path: Path) -> Iterator[RunningShop]:
    """A shop with its limits on, as it is in the world."""
    shop = RunningShop(tmp_path, RATELIMIT_ENABLED="1")
    yield shop
    assert shop.audit() == []


@pytest.fixture
def confirming_shop(tmp_path: Path) -> RunningShop:
    """A shop where an address is confirmed before its owner can buy."""
    return RunningShop(tmp_path, RANDO_CONFIRM_EMAIL="1")


@pytest.fixture
def https_shop(tmp_path: Path) -> RunningShop:
    """A shop that is served over https."""
    return RunningShop(tmp_path, RANDO_BASE_URL="https://localhost")
