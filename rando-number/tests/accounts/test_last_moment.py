"""What somebody makes in the moment in which their sign-in ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import request
from werkzeug.test import TestResponse

from flask_prepaid.testing import Databases
from rando_number.extensions import db

from ..reading import forms
from ..running_shop import NEW_PASSWORD, RunningShop, Visitor
from .test_second_factor import Phone

OWNER = "owner@rando.test"


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[RunningShop]:
    """A shop where an address is confirmed, on each kind of database."""
    url = databases.fresh(request.param)
    where = url.render_as_string(hide_password=False)
    shop = RunningShop(tmp_path, DATABASE_URL=where, RANDO_CONFIRM_EMAIL="1", PREPAID_JSON_API="1")
    yield shop
    assert shop.audit() == []
    with shop.app.app_context():
        db.engine.dispose()
    databases.drop(url)


#: Where it is sent, and how.
Sent = tuple[str, dict[str, Any]]


def makes_a_key(squatter: Visitor) -> Sent:
    fields = {**forms(squatter.get("/api-keys").text)["/api-keys"], "name": "a late one"}
    return "/api-keys", {"data": fields}


def makes_a_key_by_json(squatter: Visitor) -> Sent:
    token = forms(squatter.get("/api-keys").text)["/api-keys"]["csrf_token"]
    return "/prepaid/api/keys", {"json": {"name": "a late one"}, "headers": {"X-CSRF-Token": token}}


def makes_recovery_codes(squatter: Visitor) -> Sent:
    (page,) = (form for path, form in forms(squatter.get("/mf-recovery-codes").text).items() if "mf-" in path)
    return "/mf-recovery-codes", {"data": page}


def sets_a_second_factor(squatter: Visitor) -> Sent:
    page = squatter.send("/tf-setup", setup="authenticator").text
    (action,) = [path for path in forms(page) if path.startswith("/tf-setup/")]
    return action, {"data": {**forms(page)[action], "code": Phone(page).code(steps_ago=1)}}


@pytest.mark.parametrize(
    "making", [makes_a_key, makes_a_key_by_json, sets_a_second_factor, makes_recovery_codes]
)
def test_what_a_squatter_is_just_making_ends_with_their_sign_in(
    shop: RunningShop, making: Callable[[Visitor], Sent]
) -> None:
    squatter = shop.visitor()
    squatter.register(OWNER)
    squatter.login(OWNER)
    path, sent = making(squatter)
    tab, let_in, go_on = squatter.another_tab(), Event(), Event()

    def pause() -> None:
        if request.path == path:
            let_in.set()
            go_on.wait(10)

    shop.app.before_request_funcs[None].append(pause)  # after it was asked who is signed in
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(lambda: answered(tab.post(path, **sent)))
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
