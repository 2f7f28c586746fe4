"""How often somebody may try: passwords, registrations, resets, API calls."""

from __future__ import annotations

import re

import pytest

from ..conftest import StillClock
from ..reading import json_of
from ..running_shop import Program, RunningShop


def test_wrong_passwords_are_slowed_down_but_lock_nobody_out(guarded_shop: RunningShop) -> None:
    guarded_shop.customer("pat@rando.test")
    guesser = guarded_shop.visitor(REMOTE_ADDR="10.6.6.6")

    answers = [guesser.login("pat@rando.test", f"guess {n}").status_code for n in range(20)]

    assert answers == [200] * 10 + [429] * 10
    elsewhere = guarded_shop.visitor(REMOTE_ADDR="10.0.0.7")
    assert elsewhere.login("pat@rando.test").status_code == 302
    assert "rate_limited" in guarded_shop.actions()
    assert "sign_in_refused" in guarded_shop.actions()


def test_one_password_on_many_addresses_is_stopped(guarded_shop: RunningShop) -> None:
    sprayer = guarded_shop.visitor()

    answers = [sprayer.login(f"user{n}@rando.test", "Summer2026!").status_code for n in range(12)]

    assert answers[-1] == 429


def test_right_passwords_are_not_counted(guarded_shop: RunningShop) -> None:
    guarded_shop.customer("pat@rando.test")

    for _ in range(12):
        assert guarded_shop.visitor().login("pat@rando.test").status_code == 302


def test_resets_and_registrations_by_a_robot_are_limited(guarded_shop: RunningShop) -> None:
    robot = guarded_shop.visitor()

    resets = [robot.send("/reset", email="pat@rando.test").status_code for _ in range(7)]
    registered = [guarded_shop.visitor().register(f"r{n}@rando.test").status_code for n in range(22)]

    assert resets.count(429) == 2
    assert registered[-1] == 429


def test_a_forged_header_does_not_reset_a_limit(guarded_shop: RunningShop) -> None:
    def guess(n: int) -> int:
        guesser = guarded_shop.visitor(HTTP_X_FORWARDED_FOR=f"10.0.0.{n}", HTTP_X_REAL_IP=f"10.0.0.{n}")
        return guesser.login("pat@rando.test", "guess").status_code

    assert [guess(n) for n in range(12)][-1] == 429


def test_a_new_address_of_the_same_network_resets_no_limit(guarded_shop: RunningShop) -> None:
    def register(n: int, network: str = "2001:db8:1:2") -> int:
        robot = guarded_shop.visitor(REMOTE_ADDR=f"{network}::{n:x}")
        return robot.register(f"r{n}@rando.test").status_code

    answers = [register(n) for n in range(21)]

    assert answers == [302] * 20 + [429]
    assert register(99, "2001:db8:1:3") == 302


def test_clients_of_ipv4_are_each_their_own_where_a_server_names_them_as_ipv6(
    guarded_shop: RunningShop,
) -> None:
    guarded_shop.customer("pat@rando.test")
    guesser = guarded_shop.visitor(REMOTE_ADDR="::ffff:203.0.113.5")
    answers = [guesser.login("pat@rando.test", f"guess {n}").status_code for n in range(11)]
    assert answers == [200] * 10 + [429]

    other = guarded_shop.visitor(REMOTE_ADDR="::ffff:198.51.100.9")
    assert other.login("pat@rando.test").status_code == 302
    same = guarded_shop.visitor(REMOTE_ADDR="203.0.113.5")
    assert same.login("pat@rando.test").status_code == 429, "one client, however it is written"
    assert ">198.51.100.9<" in re.sub(r"\s", "", other.get("/sessions").text)


def test_the_api_counts_calls_and_says_how_many_are_left(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shop = RunningShop(tmp_path_factory.mktemp("api"), RATELIMIT_ENABLED="1", RANDO_API_RATE="3")
    program = Program(shop, shop.customer().make_key())

    answers = [program.get("/balance") for _ in range(4)]

    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"3"}
    refused = answers[-1]
    assert refused.status_code == 429
    assert json_of(refused)["error"]["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 80
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]


def test_as_a_minute_turns_its_calls_count_on_until_they_are_a_minute_old(
    tmp_path_factory: pytest.TempPathFactory, limits_clock: StillClock
) -> None:
    shop = RunningShop(tmp_path_factory.mktemp("api"), RATELIMIT_ENABLED="1", RANDO_API_RATE="30")
    program = Program(shop, shop.customer(credits=100).make_key())

    def passed() -> int:
        """How many of the next calls are answered, until one is refused."""
        return next(n for n in range(99) if program.get("/balance").status_code == 429)

    turn_s = limits_clock.now_s // 60 * 60 + 60
    limits_clock.now_s = turn_s - 1
    assert passed() == 30
    limits_clock.now_s = turn_s + 2
    assert passed() == 1, "29 of the last minute's calls are younger than a minute"
    limits_clock.now_s = turn_s + 32
    assert passed() == 15
    limits_clock.now_s = turn_s + 120
    assert passed() == 30


def test_who_is_refused_without_end_does_not_fill_the_audit_log(guarded_shop: RunningShop) -> None:
    flood, colleague = (guarded_shop.visitor(REMOTE_ADDR=f"10.0.0.{n}") for n in (7, 8))
    for visitor, times in ((flood, 40), (colleague, 11)):
        for _ in range(times):
            visitor.login("pat@rando.test", "guess")

    assert guarded_shop.actions().count("rate_limited") == 10 + 1


def test_guessing_keys_is_limited(guarded_shop: RunningShop) -> None:
    program = Program(guarded_shop, "rn_guess")

    answers = [program.get("/balance").status_code for _ in range(61)]

    assert answers == [401] * 60 + [429]
