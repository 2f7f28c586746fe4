"""What many stories begin with is brought about once in a process; the others go on from a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from sqlalchemy import URL

from flask_prepaid import signals
from stripe_emulator.core.time import clock

if TYPE_CHECKING:
    from .shop import Shop

NAME = "beginning"

#: Fixtures by which a test changes or hears what happens in its own beginning.
OBSERVERS = {"monkeypatch", "caplog", "capsys"}

ShopType = TypeVar("ShopType", bound="Shop")
#: A function whose first argument is a shop.
Step = TypeVar("Step", bound=Callable[..., Any])


@dataclass(frozen=True)
class Beginning:
    """A shop after its first step: its books and Stripe as files, Stripe's time, and what came of it."""

    books: bytes
    stripe: bytes
    now: int
    came: Any


_KEPT: dict[Hashable, Beginning] = {}


def like_others(shop: ShopType, request: pytest.FixtureRequest, how: str = "") -> ShopType:
    """A fixture's shop, which is as those that it makes for other tests.

    :param how: Tells it from a fixture of the same name elsewhere.
    """
    if not OBSERVERS & set(request.fixturenames):
        shop.as_made, shop.written_at = f"{request.fixturename} {how}", written_at(shop)
    return shop


def beginning(step: Step) -> Step:
    """What a shop of the fixtures begins with: a copy, if another one has begun with the same before.

    Later in a shop's life it is a function like any other, and so it is on PostgreSQL.
    """

    @wraps(step)
    def begin(shop: Shop, *args: Any, **more: Any) -> Any:
        if not is_new(shop):
            return step(shop, *args, **more)
        key = (type(shop), shop.as_made, step, args, *sorted(more.items()))
        if key in _KEPT:
            go_on(shop, _KEPT[key])
        else:
            _KEPT[key] = kept(shop, step(shop, *args, **more))
        return _KEPT[key].came

    return cast(Step, begin)


def is_new(shop: Shop) -> bool:
    """Whether nothing has happened yet, and no receiver of the test wants to hear of what will."""
    drawn = shop.stripe.store.random is not None  # ids by a seed; a copy would draw the first ones again
    if shop.as_made is None or drawn or url_of(shop).drivername != "sqlite":
        return False
    log = Path(f"{url_of(shop).database}-wal")
    heard = any(signal.receivers for signal in signals._signals.values())
    return written_at(shop) == shop.written_at and not (log.exists() and log.stat().st_size) and not heard


def url_of(shop: Shop) -> URL:
    return cast(URL, shop.app.config["SQLALCHEMY_DATABASE_URI"])


def written_at(shop: Shop) -> int:
    """Grows with each row that is written at Stripe."""
    with shop.stripe.store.connection() as connection:
        return connection.total_changes


def let_go(shop: Shop) -> Path:
    """Close what is connected to the books: the file is whole then."""
    with shop.app.app_context():
        shop.db.engine.dispose()
    return Path(str(url_of(shop).database))


def kept(shop: Shop, came: Any) -> Beginning:
    shop.stripe.save(NAME)
    return Beginning(let_go(shop).read_bytes(), shop.stripe.store.saved.pop(NAME), shop.stripe.now(), came)


def go_on(shop: Shop, beginning: Beginning) -> None:
    let_go(shop).write_bytes(beginning.books)
    shop.stripe.store.saved[NAME] = beginning.stripe
    shop.stripe.load(NAME)
    with shop.stripe.store.transaction():
        clock.set_to(beginning.now)
