"""API keys: who holds one spends its owner's credits, until it ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update
from werkzeug.test import TestResponse

from flask_prepaid import ApiKey
from rando_number.columns import utc_now
from rando_number.extensions import db
from rando_number.models import User

from ..reading import forms, json_of
from ..running_shop import Program, RunningShop
from ..serving import at_once


def revoke_form(page: str) -> str:
    return next(path for path in forms(page) if path.endswith("/revoke"))


def test_a_key_is_shown_once_and_kept_as_a_digest(shop: RunningShop) -> None:
    customer = shop.customer()

    key = customer.make_key("billing job")

    assert key not in customer.get("/api-keys").text
    assert "billing job" in customer.get("/api-keys").text
    assert key.encode() not in b"".join(file.read_bytes() for file in shop.data.glob("rando.sqlite3*"))


def test_keys_have_256_bits_of_randomness(shop: RunningShop) -> None:
    customer = shop.customer()

    keys = [customer.make_key(f"job {number}") for number in range(5)]

    assert {len(key) for key in keys} == {len("rn_") + 43}  # 6 bits a character
    assert len(set(keys)) == 5


def test_a_revoked_key_is_refused_at_once(shop: RunningShop) -> None:
    customer = shop.customer()
    program = Program(shop, customer.make_key())
    assert program.get("/balance").status_code == 200

    customer.send(revoke_form(customer.get("/api-keys").text), form_of="/api-keys")

    assert program.get("/balance").status_code == 401
    assert shop.actions()[-2:] == ["key_made", "key_revoked"]


def elsewhere(shop: RunningShop, model: type[User], **values: object) -> None:
    """Change users as another process would: this one still remembers what it has read."""
    with shop.app.app_context():
        db.session.execute(update(model).values(**values))
        db.session.commit()


def test_a_key_whose_owner_another_process_blocked_is_refused_at_once_by_every_call(
    any_shop: RunningShop,
) -> None:
    customer = any_shop.customer(credits=20)
    program = Program(any_shop, customer.make_key(limit="10"))

    def end_while_it_is_remembered() -> None:
        elsewhere(any_shop, User, active=True)
        assert program.get("/number/", **{"Idempotency-Key": "a"}).status_code == 200
        elsewhere(any_shop, User, active=False)

    calls: list[Callable[[], TestResponse]] = [
        lambda: program.get("/number/"),
        lambda: program.post("/numbers", {"count": 2}),
        lambda: program.get("/number/", **{"Idempotency-Key": "a"}),
        lambda: program.get("/number/", **{"Idempotency-Key": "b"}),
        lambda: program.post("/numbers", {"count": 5}, **{"Idempotency-Key": "a"}),
        lambda: program.post("/numbers", {"count": 11}),
        lambda: program.get("/balance"),
        lambda: program.get("/numbers"),
        lambda: program.get("/entries"),
        lambda: program.get("/usage"),
    ]
    for call in calls:
        end_while_it_is_remembered()
        refused = call()
        assert (refused.status_code, json_of(refused)["error"]["code"]) == (401, "unauthenticated")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert customer.balance == 19


def test_a_revoked_key_that_goes_on_calling_slows_nobody_down(any_shop: RunningShop) -> None:
    """Those that share its commit get their numbers, and it is looked up anew after its first refusal."""
    customer = any_shop.customer(credits=40)
    ended, other = (Program(any_shop, customer.make_key(name)) for name in ("ended", "other"))
    for program in (ended, other):
        assert program.get("/number/").status_code == 200
    with any_shop.app.app_context():
        keys = {key.name: key.id for key in any_shop.prepaid.keys(customer.owner)}
        any_shop.prepaid.revoke_key(customer.owner, keys["ended"])
        db.session.commit()

    def call(n: int) -> tuple[str, int]:
        program = (ended, other)[n % 2]
        return ("ended", "other")[n % 2], program.get("/number/").status_code

    assert Counter(at_once(20, call)) == {("ended", 401): 10, ("other", 200): 10}
    assert customer.balance == 28


def test_a_key_ends_with_its_day(shop: RunningShop) -> None:
    customer = shop.customer()
    tomorrow = utc_now() + timedelta(days=1)
    program = Program(shop, customer.make_key(expires_on=f"{tomorrow:%Y-%m-%d}"))
    assert program.get("/balance").status_code == 200

    with shop.app.app_context():
        db.session.execute(update(ApiKey).values(expires_at=utc_now()))
        db.session.commit()
        shop.prepaid.require_keys().cache.forget()  # it was written behind the app's back

    assert program.get("/balance").status_code == 401


def test_a_limited_key_stops_at_its_limit_and_is_on_the_fast_path_all_the_same(any_shop: RunningShop) -> None:
    customer = any_shop.customer(credits=8)
    program = Program(any_shop, customer.make_key(limit="6"))

    assert program.post("/numbers", {"count": 9}).status_code == 402
    assert program.post("/numbers", {"count": 5}).status_code == 200
    assert program.get("/number/").status_code == 200
    over = program.get("/number/")

    assert over.status_code == 402
    error = json_of(over)["error"]
    assert (error["code"], error["cap"], error["left"]) == ("key_cap_reached", 6, 0)
    assert "limit of 6 credits of this key is reached" in error["message"]
    assert customer.balance == 2
    assert "6 credits a month, 0 left" in customer.get("/api-keys").text


def test_a_repeat_by_idempotency_key_does_not_count_against_the_cap(shop: RunningShop) -> None:
    program = Program(shop, shop.customer().make_key(limit="1"))

    first = program.get("/number/", **{"Idempotency-Key": "a"})
    again = program.get("/number/", **{"Idempotency-Key": "a"})

    assert json_of(again) == json_of(first)


def test_a_second_click_makes_no_second_key(any_shop: RunningShop) -> None:
    customer = any_shop.customer()
    fields = {**forms(customer.get("/api-keys").text)["/api-keys"], "name": "nightly job"}
    tabs = [customer.another_tab() for _ in range(5)]

    answers = at_once(5, lambda n: tabs[n].post("/api-keys", data=fields))

    assert Counter(answer.status_code for answer in answers) == {200: 5}
    assert len({key for answer in answers for key in re.findall(r"rn_[\w-]{43}", answer.text)}) == 1
    assert any_shop.rows()["prepaid_api_key"] == 1
    anew = customer.send("/api-keys", name="nightly job")
    assert "You have a key of this name" in anew.text
    customer.send(revoke_form(customer.get("/api-keys").text), form_of="/api-keys")
    assert customer.make_key("nightly job").startswith("rn_")


def test_the_last_use_of_a_key_is_noted(shop: RunningShop) -> None:
    customer = shop.customer()
    program = Program(shop, customer.make_key())
    assert '<td data-label="Last used">never' in customer.get("/api-keys").text

    program.get("/balance")

    assert '<td data-label="Last used">never' not in customer.get("/api-keys").text


def test_a_key_that_was_never_made_opens_nothing(shop: RunningShop) -> None:
    refused = Program(shop, "rn_" + "x" * 43).get("/number/")

    assert refused.status_code == 401
    assert json_of(refused)["error"]["code"] == "unauthenticated"
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_two_calls_with_one_idempotency_key_at_once_count_once_against_the_cap(any_shop: RunningShop) -> None:
    customer = any_shop.customer(credits=50)
    program = Program(any_shop, customer.make_key(limit="40"))

    answers = at_once(20, lambda _: program.get("/number/", **{"Idempotency-Key": "once"}).status_code)

    assert set(answers) == {200}
    assert "40 credits a month, 39 left" in customer.get("/api-keys").text
