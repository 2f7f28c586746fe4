"""Commands, health, and what an older database needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.cli import FlaskGroup
from sqlalchemy import event, insert, literal, select, text, update
from sqlalchemy.exc import DatabaseError

from flask_prepaid.testing import Databases
from rando_number import create_app
from rando_number.cli import shell_names
from rando_number.extensions import db
from rando_number.models import Number, User

from .reading import forms, json_of
from .running_shop import Program, RunningShop


def test_a_new_database_is_not_ready_until_it_is_prepared(tmp_path: Path) -> None:
    app = create_app({"RANDO_DATA": str(tmp_path)})
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    early = client.get("/readyz")
    assert early.status_code == 503
    assert "flask db upgrade" in json_of(early)["reasons"][0]

    prepared = app.test_cli_runner().invoke(args=["rando", "prepare"])

    assert prepared.exit_code == 0, prepared.output
    assert json_of(client.get("/readyz")) == {"status": "ok", "reasons": [], "warnings": []}
    assert not (tmp_path / "logins.json").exists()

    with app.app_context():
        db.session.execute(text("DELETE FROM prepaid_alembic_version"))
        db.session.commit()
    behind = client.get("/readyz")
    assert behind.status_code == 503
    assert "flask prepaid upgrade" in json_of(behind)["reasons"][0]


def test_tables_of_the_shop_that_another_commit_made_under_the_same_version_are_not_ready(
    tmp_path: Path,
) -> None:
    shop = RunningShop(tmp_path)
    with shop.app.app_context():
        db.session.execute(text("ALTER TABLE numbers RENAME COLUMN charged TO former"))
        db.session.commit()

    answer = shop.app.test_client().get("/readyz")
    prepared = shop.app.test_cli_runner().invoke(args=["rando", "prepare"])

    assert answer.status_code == 503
    assert "They lack numbers.charged" in json_of(answer)["reasons"][0]
    assert prepared.exit_code == 1
    assert "They lack numbers.charged" in prepared.output


BOTH_CHAINS = pytest.mark.parametrize(
    ("table", "commands", "column"),
    [
        ("alembic_version", (["db", "upgrade"], ["rando", "prepare"]), "numbers.low"),
        ("prepaid_alembic_version", (["prepaid", "upgrade"], ["rando", "prepare"]), "prepaid_payment.pack"),
    ],
)


@BOTH_CHAINS
def test_tables_of_the_next_release_are_served_and_left_alone(
    tmp_path: Path, table: str, commands: tuple[list[str], ...], column: str
) -> None:
    """As while a release is rolled in: the new one has changed the tables, and the old one serves."""
    shop = RunningShop(tmp_path)
    with shop.app.app_context():
        db.session.execute(text(f"UPDATE {table} SET version_num = '0002'"))
        db.session.execute(text(f"ALTER TABLE {column.partition('.')[0]} ADD COLUMN added TEXT"))
        db.session.commit()

    for command in commands:
        assert (result := shop.command(*command)).exit_code == 0, result.output
        if command != ["rando", "prepare"]:
            assert "of a later release" in result.output
    assert json_of(shop.visitor().get("/readyz")) == {"status": "ok", "reasons": [], "warnings": []}

    customer = shop.buyer()
    assert customer.draw().status_code == 200
    assert customer.balance == 12
    assert shop.audit() == []
    with shop.app.app_context():
        assert db.session.scalar(text(f"SELECT version_num FROM {table}")) == "0002"


@BOTH_CHAINS
def test_a_database_that_this_version_cannot_work_with_is_refused_in_one_sentence(
    tmp_path: Path, table: str, commands: tuple[list[str], ...], column: str
) -> None:
    app = create_app({"RANDO_DATA": str(tmp_path)})
    assert app.test_cli_runner().invoke(args=["rando", "prepare"]).exit_code == 0
    with app.app_context():
        db.session.execute(text(f"UPDATE {table} SET version_num = '0017'"))
        of_table, _, name = column.partition(".")
        db.session.execute(text(f"ALTER TABLE {of_table} RENAME COLUMN {name} TO former"))
        db.session.commit()
    sentence = (
        f"These tables were made before 0.1, or by a later version than this one ({table} is at 0017): "
        "begin with a new database, or install the version that made them."
    )

    for command in commands:
        result = app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: app), command)
        assert (result.exit_code, result.stderr) == (1, f"Error: {sentence}\n"), command

    ready = app.test_client().get("/readyz")
    assert (ready.status_code, json_of(ready)["reasons"]) == (503, [sentence])
    with app.app_context():
        assert db.session.scalar(text(f"SELECT version_num FROM {table}")) == "0017"


@pytest.mark.parametrize("to", ["postgresql", "sqlite"])
def test_the_whole_shop_moves_with_numbers_of_an_owner_who_was_blocked_since(
    databases: Databases, tmp_path: Path, to: str
) -> None:
    """A trigger refuses what a key of theirs draws; numbers of former days come along all the same."""
    shop = RunningShop(tmp_path / "here")
    customer = shop.buyer()
    program = Program(shop, customer.make_key("old"))
    assert program.get("/number/").status_code == 200
    action = next(path for path in forms(customer.get("/api-keys").text) if path.endswith("/revoke"))
    assert customer.send(action, form_of="/api-keys").status_code == 303
    assert program.get("/number/").status_code == 401
    with shop.app.app_context():
        db.session.execute(update(User).values(active=False))
        db.session.commit()
    url = databases.empty(to).render_as_string(hide_password=False)

    early = shop.command("prepaid", "copy", "--all", "--to", url)
    assert (early.exit_code, "Run your own migrations on that database first" in early.stderr) == (1, True)

    assert shop.command("prepaid", "reconcile").exit_code == 0
    there = create_app({"RANDO_DATA": str(tmp_path / "there"), "DATABASE_URL": url})
    assert there.test_cli_runner().invoke(args=["rando", "prepare"]).exit_code == 0
    copied = shop.command("prepaid", "copy", "--all", "--to", url)
    assert copied.exit_code == 0, copied.output
    assert "The audit there finds nothing wrong, and Stripe agrees." in copied.stderr

    moved = RunningShop(tmp_path / "here", DATABASE_URL=url)
    assert {name: count for name, count in moved.rows().items() if "alembic" not in name} == {
        name: count for name, count in shop.rows().items() if "alembic" not in name
    }
    with moved.app.app_context():
        columns = [column.name for column in Number.__table__.columns if column.name != "id"]
        of_the_key = select(literal("f" * 17), *(Number.__table__.c[name] for name in columns))
        once_more = insert(Number).from_select(
            ["id", *columns], of_the_key.where(Number.api_key_id.is_not(None))
        )
        with pytest.raises(DatabaseError, match="the owner of the API key is blocked"):
            db.session.execute(once_more)
        db.session.rollback()
        db.session.execute(update(User).values(active=True))
        db.session.commit()
    again = moved.visitor()
    assert again.login("pat@rando.test").status_code == 302
    assert again.draw().status_code == 200
    assert again.balance == 11
    for each in (moved.app, there):
        with each.app_context():
            db.session.remove()
            db.engine.dispose()
    assert moved.audit() == []


def test_the_shell_has_the_articles_names_at_hand(shop: RunningShop) -> None:
    assert {"app", "db", "User", "Purchase", "Number"} <= set(shell_names(shop.app))


def test_every_field_of_the_article_has_an_attribute_in_the_shell(shop: RunningShop) -> None:
    customer = shop.customer()
    customer.draw()
    session_id = customer.buy(pack="starter")
    shop.stripe.pay(session_id)

    with shop.app.app_context():
        names = shell_names(shop.app)
        (user,) = names["db"].session.scalars(select(names["User"]))
        (purchase,) = user.purchases
        (number,) = user.numbers

        assert user.account_credits == 12
        assert user.stripe_id.startswith("cus_")
        assert (purchase.pack, purchase.amount_minor, purchase.currency) == ("starter", 1_000, "usd")
        assert purchase.payment_intent_id.startswith("pi_")
        assert number.value in range(10)
        assert number.user is user
        assert user.created_at.replace(microsecond=0) <= number.created_at  # the emulator's clock has seconds


def test_the_models_say_what_the_migrations_make(any_shop: RunningShop) -> None:
    checked = any_shop.app.test_cli_runner().invoke(args=["db", "check"])

    assert checked.exit_code == 0, checked.output


def test_the_tables_can_be_dropped_and_made_again(shop: RunningShop) -> None:
    runner = shop.app.test_cli_runner()

    assert runner.invoke(args=["db", "downgrade", "base"]).exit_code == 0
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0

    shop.customer()


@pytest.mark.parametrize("command", ["deactivate", "reset_access"])
def test_a_command_that_loses_a_race_ends_in_a_sentence_and_changes_nothing(
    any_shop: RunningShop, command: str
) -> None:
    any_shop.customer("pat@rando.test")
    runner = any_shop.app.test_cli_runner()

    def others_are_quicker(*_: object) -> None:
        with db.engine.begin() as others:
            others.execute(update(User).values(version=User.version + 1))

    event.listen(db.session, "before_flush", others_are_quicker, once=True)
    late = runner.invoke(args=["users", command, "pat@rando.test"])

    assert late.exit_code == 1
    assert late.stderr.startswith("Error: Something else has just changed")
    assert "Run it again" in late.stderr
    with any_shop.app.app_context():
        assert db.session.scalars(select(User.active)).all() == [True]
    assert runner.invoke(args=["users", command, "pat@rando.test"]).exit_code == 0


@pytest.mark.parametrize("words", [["users", "deactivate", "pat@rando.test"], ["rando", "seed-demo"]])
def test_a_command_on_a_database_without_tables_says_what_to_do(tmp_path: Path, words: list[str]) -> None:
    refused = create_app({"RANDO_DATA": str(tmp_path)}).test_cli_runner().invoke(args=words)

    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: The database refuses: no such table")
    assert "flask rando prepare" in refused.stderr
