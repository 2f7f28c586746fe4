"""Many at once. The article's own code gave out 2,888 numbers for 500 credits here."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from .shop import OURS, Program, Shop, forms


def test_row_43_forty_threads_race_for_the_last_ten_credits_and_get_ten_numbers(any_shop: Shop) -> None:
    customer = any_shop.customer(credits=10)
    cookie = customer.client.get_cookie("session")
    assert cookie is not None
    together = Barrier(40)

    def press(_: int) -> int:
        browser = any_shop.app.test_client(use_cookies=False)
        together.wait()
        return browser.get(
            "/api/v1/number/", headers={**OURS, "Cookie": f"session={cookie.value}"}
        ).status_code

    with ThreadPoolExecutor(40) as threads:
        answers = Counter(threads.map(press, range(40)))

    assert answers == {200: 10, 402: 30}
    assert customer.balance == 0
    assert any_shop.rows()["numbers"] == 10


def test_two_hundred_threads_with_one_key_and_a_hundred_credits_get_a_hundred_numbers(any_shop: Shop) -> None:
    customer = any_shop.customer(credits=100)
    program = Program(any_shop, customer.make_key())
    together = Barrier(200)

    def call(_: int) -> int:
        together.wait()
        return program.get("/number/").status_code

    with ThreadPoolExecutor(200) as threads:
        answers = Counter(threads.map(call, range(200)))

    assert answers == {200: 100, 402: 100}
    assert customer.balance == 0
    assert any_shop.rows()["numbers"] == 100


def test_the_same_idempotency_key_fifty_times_at_once_is_one_number_and_one_credit(any_shop: Shop) -> None:
    customer = any_shop.customer(credits=100)
    program = Program(any_shop, customer.make_key())
    together = Barrier(50)

    def call(_: int) -> tuple[int, str]:
        together.wait()
        answer = program.get("/number/?max=1000000", **{"Idempotency-Key": "once"})
        return answer.status_code, answer.text

    with ThreadPoolExecutor(50) as threads:
        answers = set(threads.map(call, range(50)))

    assert {status for status, _ in answers} == {200}
    assert len(answers) == 1
    assert customer.balance == 99


def test_twenty_clicks_on_one_button_at_once_draw_one_number(shop: Shop) -> None:
    customer = shop.customer(credits=20)
    fields = forms(customer.get("/").text)["/number"]
    cookie = customer.client.get_cookie("session")
    assert cookie is not None
    together = Barrier(20)

    def click(_: int) -> int:
        browser = shop.app.test_client(use_cookies=False)
        together.wait()
        sent = browser.post("/number", data=fields, headers={"Cookie": f"session={cookie.value}"})
        return sent.status_code

    with ThreadPoolExecutor(20) as threads:
        answers = set(threads.map(click, range(20)))

    assert answers == {200}
    assert customer.balance == 19
