"""Many at once. The article's own code gave out 2,888 numbers for 500 credits here."""

from __future__ import annotations

from collections import Counter

from ..reading import forms
from ..running_shop import SAME_ORIGIN, Program, RunningShop
from ..serving import at_once


def test_forty_threads_race_for_the_last_ten_credits_and_get_ten_numbers(any_shop: RunningShop) -> None:
    customer = any_shop.customer(credits=10)
    tabs = [customer.another_tab() for _ in range(40)]

    answers = at_once(40, lambda n: tabs[n].get("/api/v1/number/", headers=SAME_ORIGIN).status_code)

    assert Counter(answers) == {200: 10, 402: 30}
    assert customer.balance == 0
    assert any_shop.rows()["numbers"] == 10


def test_two_hundred_threads_with_one_key_and_a_hundred_credits_get_a_hundred_numbers(
    any_shop: RunningShop,
) -> None:
    customer = any_shop.customer(credits=100)
    program = Program(any_shop, customer.make_key())

    def call(_: int) -> int:
        while (answer := program.get("/number/")).status_code == 503:
            pass  # the machine is busy, and nothing was sold: it is asked again
        return answer.status_code

    answers = at_once(200, call)

    assert Counter(answers) == {200: 100, 402: 100}
    assert customer.balance == 0
    assert any_shop.rows()["numbers"] == 100


def test_the_same_idempotency_key_fifty_times_at_once_is_one_number_and_one_credit(
    any_shop: RunningShop,
) -> None:
    customer = any_shop.customer(credits=100)
    program = Program(any_shop, customer.make_key())

    def call(_: int) -> tuple[int, str]:
        answer = program.get("/number/?max=1000000", **{"Idempotency-Key": "once"})
        return answer.status_code, answer.text

    answers = set(at_once(50, call))

    assert {status for status, _ in answers} == {200}
    assert len(answers) == 1
    assert customer.balance == 99


def test_twenty_clicks_on_one_button_at_once_draw_one_number(shop: RunningShop) -> None:
    customer = shop.customer(credits=20)
    fields = forms(customer.get("/").text)["/number"]
    tabs = [customer.another_tab() for _ in range(20)]

    answers = at_once(20, lambda n: tabs[n].post("/number", data=fields).status_code)

    assert set(answers) == {200}
    assert customer.balance == 19
