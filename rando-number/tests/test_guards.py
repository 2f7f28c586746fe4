"""What the shop's database refuses, whatever the app or somebody at its prompt asks for."""

from __future__ import annotations

import pytest
from sqlalchemy import Insert, insert, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from rando_number.columns import utc_now
from rando_number.extensions import db
from rando_number.models import Number, User

from .running_shop import RunningShop


@pytest.mark.parametrize("change", ["DELETE FROM audit_lines", "UPDATE audit_lines SET actor = 'nobody'"])
def test_the_audit_log_only_grows(any_shop: RunningShop, change: str) -> None:
    any_shop.customer()

    with any_shop.app.app_context(), pytest.raises(DatabaseError, match="only grows"):
        db.session.execute(text(change))

    assert any_shop.actions() == ["registered", "signed_in"]


@pytest.mark.parametrize("change", ["DELETE FROM users", "UPDATE users SET id = id + 1"])
def test_a_user_is_never_deleted(any_shop: RunningShop, change: str) -> None:
    any_shop.customer()

    with any_shop.app.app_context(), pytest.raises(DatabaseError, match="users are never deleted"):
        db.session.execute(text(change))

    assert any_shop.rows()["users"] == 1


def test_sqlite_gives_a_user_no_other_number_by_another_name_of_its_column(shop: RunningShop) -> None:
    shop.customer()

    with shop.app.app_context(), pytest.raises(DatabaseError, match="users are never deleted"):
        db.session.execute(text("UPDATE users SET rowid = 7"))


@pytest.mark.parametrize(
    "replacement",
    [
        "INSERT OR REPLACE INTO users SELECT * FROM (SELECT * FROM users WHERE id = 1)",
        "INSERT OR REPLACE INTO users (id, email, fs_uniquifier, active, created_at)"
        " SELECT 7, email, 'another', 1, created_at FROM users WHERE id = 1",
        "INSERT OR REPLACE INTO users (id, email, fs_uniquifier, active, created_at)"
        " SELECT 7, 'another', fs_uniquifier, 1, created_at FROM users WHERE id = 1",
        "UPDATE OR REPLACE users SET email = (SELECT email FROM users WHERE id = 1) WHERE id = 2",
        "UPDATE OR REPLACE users SET fs_uniquifier = (SELECT fs_uniquifier FROM users WHERE id = 1)"
        " WHERE id = 2",
    ],
)
def test_sqlite_replaces_no_user(shop: RunningShop, replacement: str) -> None:
    """REPLACE deletes the row that is in the way, and fires no trigger of a deletion."""
    shop.customer().draw()
    shop.customer("kim@rando.test")
    users = select(User.id, User.email, User.fs_uniquifier).order_by(User.id)
    with shop.app.app_context():
        before = db.session.execute(users).all()

        with pytest.raises(IntegrityError, match="UNIQUE constraint failed: users"):
            db.session.execute(text(replacement))
        db.session.rollback()

        assert db.session.execute(users).all() == before
        assert db.session.scalars(select(Number)).one().user.email == "pat@rando.test"


def test_sqlite_replaces_no_line_of_the_audit_log(shop: RunningShop) -> None:
    shop.customer()
    replacement = "INSERT OR REPLACE INTO audit_lines SELECT id, at, action, 'nobody', address, detail FROM "

    with shop.app.app_context(), pytest.raises(IntegrityError, match="only grows"):
        db.session.execute(text(replacement + "audit_lines"))


def a_number(user_id: int) -> Insert:
    values = {"id": "0" * 17, "values": [7], "low": 0, "high": 9, "charged": 1, "api_key_id": None}
    return insert(Number).values(user_id=user_id, created_at=utc_now(), **values)


def test_a_number_of_nobody_is_refused(any_shop: RunningShop) -> None:
    any_shop.customer()

    with any_shop.app.app_context(), pytest.raises(IntegrityError, match="no user"):
        db.session.execute(a_number(2))

    assert any_shop.rows()["numbers"] == 0


def test_a_table_of_ones_own_with_the_users_name_makes_nobody_a_user(any_shop: RunningShop) -> None:
    """A temporary table comes before others of its name; everybody may make one."""
    any_shop.customer()

    with any_shop.app.app_context():
        db.session.execute(text("CREATE TEMPORARY TABLE users AS SELECT 2 AS id, true AS active"))
        with pytest.raises(IntegrityError, match="no user"):
            db.session.execute(a_number(2))
        db.session.rollback()
        db.engine.dispose()


def test_a_number_stays_its_users(any_shop: RunningShop) -> None:
    any_shop.customer().draw()

    with any_shop.app.app_context(), pytest.raises(IntegrityError, match="no user"):
        db.session.execute(update(Number).values(user_id=2))
