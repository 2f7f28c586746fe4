"""What somebody makes in the moment in which their sign-in ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from flask import request
from werkzeug.test import TestResponse

from flask_prepaid.testing import Databases
from rando_number.models import db

from ..reading import forms
from ..running_shop import NEW_PASSWORD, RunningShop, Visitor
from .test_second_factor import Phone

OWNER = "owner@rando.test"


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[RunningShop]:
    """A shop where an address is confirmed, on each kind of database."""
    url = databases.fresh(request.param)
    where = url.render_as_string(hide_password=False)
    shop = RunningShop(tmp_path, DATABASE_URL=where, RANDO_CONFIRM_EMAIL="1")
    yield shop
    assert shop.audit() == []
    with shop.app.app_context():
        db.engine.dispose()
    databases.drop(url)


def makes_a_key(squatter: Visitor) -> tuple[str, dict[str, str]]:
    return "/api-keys", {**forms(squatter.get("/api-keys").text)["/api-keys"], "name": "a late one"}


def sets_a_second_factor(squatter: Visitor) -> tuple[str, dict[str, str]]:
    page = squatter.send("/tf-setup", setup="authenticator").text
    (action,) = [path for path in forms(page) if path.startswith("/tf-setup/")]
    return action, {**forms(page)[action], "code": Phone(page).code(steps_ago=1)}


@pytest.mark.parametrize("making", [makes_a_key, sets_a_second_factor])
def test_what_a_squatter_is_just_making_ends_with_their_sign_in(
    shop: RunningShop, making: Callable[[Visitor], tuple[str, dict[str, str]]]
) -> None:
    squatter = shop.visitor()
    squatter.register(OWNER)
    squatter.login(OWNER)
    path, fields = making(squatter)
    tab, let_in, go_on = squatter.another_tab(), Event(), Event()

    def pause() -> None:
        if request.path == path:
            let_in.set()
            go_on.wait(10)

    shop.app.before_request_funcs[None].append(pause)  # after it was asked who is signed in
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(lambda: answered(tab.post(path, data=fields)))
        assert let_in.wait(10)
        owner = shop.visitor()
        owner.email = OWNER
        owner.send(shop.reset_link(OWNER), **NEW_PASSWORD)
        go_on.set()

    status, text = late.result()
    assert status == 401
    assert "rn_" not in text
    assert owner.login(OWNER, NEW_PASSWORD["password"]).location == "/", "no second factor is asked for"
    assert "a late one" not in owner.get("/api-keys").text


def answered(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.text
