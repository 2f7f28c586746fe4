"""What belongs to somebody else does not exist, and a field that no form has is ignored."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from rando_number.extensions import db
from rando_number.models import Role, SignIn, User

from ..reading import forms
from ..running_shop import PASSWORD, Program, RunningShop


def test_the_key_of_somebody_else_cannot_be_revoked(shop: RunningShop) -> None:
    owner = shop.customer("owner@rando.test")
    thief = shop.customer("thief@rando.test")
    program = Program(shop, owner.make_key())
    revoke = next(path for path in forms(owner.get("/api-keys").text) if path.endswith("/revoke"))
    token = forms(thief.get("/").text)["/number"]["csrf_token"]

    with shop.nothing_changes():
        assert thief.client.post(revoke, data={"csrf_token": token}).status_code == 404

    assert program.get("/balance").status_code == 200


def test_the_session_of_somebody_else_cannot_be_ended(shop: RunningShop) -> None:
    owner = shop.customer("owner@rando.test")
    thief = shop.customer("thief@rando.test")
    with shop.app.app_context():
        named = db.session.scalar(select(SignIn.digest).join(User).where(User.email == "owner@rando.test"))
    assert named is not None

    hidden = forms(thief.get("/sessions").text)["/sessions/end-all"]
    with shop.nothing_changes():
        assert thief.client.post("/sessions/end", data={**hidden, "id": named}).status_code == 404

    assert owner.get("/user-profile").status_code == 200


def test_lists_show_ones_own_alone(shop: RunningShop) -> None:
    owner = shop.customer("owner@rando.test")
    owner.make_key("private name")
    Program(shop, owner.make_key("again")).get("/number/?min=424242&max=424242")
    thief = shop.customer("thief@rando.test")
    program = Program(shop, thief.make_key())

    for path in ("/user-profile", "/usage", "/usage.csv", "/api-keys", "/sessions"):
        page = thief.get(path).text
        assert "424242" not in page, path
        assert "private name" not in page, path
    assert "424242" not in program.get("/numbers").text + program.get("/entries").text


def test_fields_that_no_form_has_are_ignored(shop: RunningShop) -> None:
    visitor = shop.visitor()
    visitor.email = "pat@rando.test"
    visitor.send(
        "/register",
        email="pat@rando.test",
        password=PASSWORD,
        id="77",
        roles="admin",
        active="0",
        confirmed_at="2020-01-01",
        fs_uniquifier="mine",
        balance="1000",
    )

    with shop.app.app_context():
        user = db.session.scalars(select(User)).one()
        assert (user.id, user.roles, user.active, user.confirmed_at) == (1, [], True, None)
        assert user.fs_uniquifier != "mine"
    assert visitor.balance == 3


def test_a_registration_that_fails_halfway_leaves_nothing(shop: RunningShop) -> None:
    with shop.app.app_context():
        shop.prepaid.grant("user:1", 5, key="welcome", reason="in the way")
        db.session.commit()

    before = shop.rows()
    failed = shop.visitor(HTTP_ACCEPT="text/html").register("pat@rando.test")

    assert failed.status_code == 409
    assert shop.rows() == before
    assert re.search("<h1", failed.text)


def test_a_number_that_cannot_be_kept_is_not_paid_for(shop: RunningShop) -> None:
    customer = shop.customer()
    owner = customer.owner
    with shop.app.app_context():
        db.session.execute(
            db.text("CREATE TRIGGER full BEFORE INSERT ON numbers BEGIN SELECT RAISE(ABORT, 'full'); END")
        )
        db.session.commit()

    with shop.nothing_changes():
        assert customer.api("/number/").status_code == 500

    assert shop.balance(owner) == 3


@pytest.mark.parametrize("role", ["visitor", "customer", "admin"])
def test_no_operators_page_opens_without_the_role_and_a_second_factor(shop: RunningShop, role: str) -> None:
    visitor = shop.visitor() if role == "visitor" else shop.customer("pat@rando.test")
    if role == "admin":
        with shop.app.app_context():
            user = db.session.scalars(select(User)).one()
            user.roles.append(Role(name="admin"))
            db.session.commit()
    shop.app.config["ADMIN_SECOND_FACTOR"] = (
        role == "admin"
    )  # the others lack the role, and need lack no more
    paths = {"/admin"} | {
        re.sub(r"<[^>]+>", "1", rule.rule)
        for rule in shop.app.url_map.iter_rules()
        if rule.rule.startswith("/admin")
    }
    (fields, *_) = forms(visitor.get("/login" if role == "visitor" else "/user-profile").text).values()

    with shop.nothing_changes():
        for path in sorted(paths):
            assert visitor.get(path).status_code in (302, 303, 308, 401, 403, 404, 405), path
            posted = visitor.client.post(path, data=fields)
            assert posted.status_code in (302, 303, 308, 401, 403, 404, 405), path
