"""Webhooks of customers: all of them, in order, signed, to public addresses alone, whatever answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from functools import partial
from itertools import islice
from threading import Event, Semaphore

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from standardwebhooks import WebhookVerificationError

from flask_prepaid import SentWebhook
from flask_prepaid.errors import ConfigError, TooManyCalls, UnknownItem
from flask_prepaid.outbox import queues, summary
from flask_prepaid.outbox.messages import Queue
from flask_prepaid.outbox.models import Delivery, DeliveryState, Target, WebhookEndpoint
from flask_prepaid.outbox.webhooks.courier import Turns
from flask_prepaid.outbox.webhooks.http import Poster
from flask_prepaid.outbox.webhooks.waiting_requests import AT_ONCE

from ..shop import Shop, ShopWith, at_once
from .hearing import Program, add, hearing, tell


@pytest.fixture
def program() -> Iterator[Program]:
    with hearing() as program:
        yield program


@pytest.fixture
def mails() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def shop(shop_with: ShopWith, mails: list[tuple[str, str, str]]) -> Shop:
    """A shop for developers: its customers' webhooks may go to this machine."""
    return shop_with(
        PREPAID_LOCAL_WEBHOOKS=True,
        PREPAID_BASE_URL="https://shop.example",
        email=lambda owner: "pat@shop.example",
        mail=lambda *mail: mails.append(mail),
    )


def state_of(shop: Shop, endpoint_id: int) -> str | None:
    row = shop.read(lambda: shop.prepaid.session.get(WebhookEndpoint, endpoint_id))
    return None if row.off_because is None else str(row.off_because)


def waiting(shop: Shop) -> int:
    return int(shop.read(lambda: summary.waiting_count(shop.prepaid.session)))


def wait(shop: Shop, hours: int, times: int = 1) -> None:
    for _ in range(times):
        shop.stripe.advance(hours=hours)
        shop.tick()


def test_an_endpoint_never_gets_the_id_of_one_that_was_removed(shop: Shop, program: Program) -> None:
    """A late answer of the first would be noted at the second, which may be a stranger's."""
    first, _ = add(shop, program.url)
    shop.read(lambda: shop.prepaid.remove_endpoint("user:1", first))

    second, _ = add(shop, program.url, "user:2")

    assert second > first


def test_of_one_owners_slow_endpoints_two_threads_at_most_are_held_up() -> None:
    slow = [Queue("user:1", Target.ENDPOINT, number) for number in range(8)]
    others = Queue("user:2", Target.ENDPOINT, 9)
    turns = Turns([*slow, others])

    assert [turns.take() for _ in range(4)] == [slow[0], slow[1], others, None]
    turns.give_back(slow[0], has_more=True)
    turns.give_back(others, has_more=True)
    assert [turns.take() for _ in range(3)] == [slow[2], others, None]


def test_what_answers_500_for_two_days_gets_all_of_it_in_order_afterwards(
    shop: Shop, program: Program
) -> None:
    """And another one, of the same owner or another, is not held up."""
    with hearing() as second, hearing() as others:
        _, secret = add(shop, program.url)
        add(shop, second.url)
        add(shop, others.url, "user:2", events=("credits.added",))
        program.status = 500
        for number in range(1, 9):
            tell(shop, number)
            tell(shop, 100 + number, "user:2")
            wait(shop, 6)
        assert (program.numbers, second.numbers) == ([], [1, 2, 3, 4, 5, 6, 7, 8])
        assert others.numbers == [101, 102, 103, 104, 105, 106, 107, 108]
        assert len(program.bodies) < 30, "it is asked less often the longer it fails"

        program.status = 204
        wait(shop, 6)

        assert program.numbers == [1, 2, 3, 4, 5, 6, 7, 8]
        assert program.proves(secret)
        assert len({id for id, _ in program.heard}) == 8
        assert {headers["webhook-id"] for headers in program.headers} == {id for id, _ in program.heard}
        assert [id for id, _ in program.heard] == [id for id, _ in second.heard]
        body = program.heard[0][1]
        assert body["type"] == "credits.added"
        assert body["data"] == {"credits": 1, "payment_id": None}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", body["timestamp"])


def test_what_fails_for_three_days_is_switched_off_with_a_mail_and_gets_all_once_it_is_on(
    shop: Shop, program: Program, mails: list[tuple[str, str, str]]
) -> None:
    endpoint, _ = add(shop, program.url)
    program.status = 503
    tell(shop, 1)
    wait(shop, 7, times=12)
    tell(shop, 2)
    assert state_of(shop, endpoint) == "failed"
    assert [subject for _, subject, _ in mails] == ["Your webhook is switched off"]
    assert f"https://shop.example/prepaid/endpoints/{endpoint}" in mails[0][2]
    tried = len(program.bodies)
    wait(shop, 24, times=2)
    assert len(program.bodies) == tried
    assert waiting(shop) == 0, "a tick looks at none of it"
    assert [sent.delivery.state for sent in sent_to(shop)] == [DeliveryState.PAUSED] * 2

    program.status = 200
    browser = shop.browser()
    page = f"/prepaid/endpoints/{endpoint}"
    assert "It failed for three days" in browser.get(page).text
    assert browser.get(page).text.count(">paused<") == 2
    neither = shop.send_form(browser, page, to=f"{page}/switch", on="on")
    assert (neither.status_code, state_of(shop, endpoint)) == (422, "failed")
    assert "Say whether to switch it on or off." in neither.text
    assert shop.send_form(browser, page, to=f"{page}/switch", on="1").status_code == 303
    shop.tick()

    assert program.numbers == [1, 2]
    assert state_of(shop, endpoint) is None


@pytest.mark.each_database
def test_what_is_written_while_an_endpoint_is_switched_on_goes_out(
    shop: Shop, program: Program, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL whoever writes it may see the endpoint off; on SQLite one writes after the other."""
    endpoint, _ = add(shop, program.url)
    program.status = 503
    tell(shop, 1)
    wait(shop, 7, times=12)
    assert state_of(shop, endpoint) == "failed"
    go_on = queues.go_on

    def go_on_and_write(session: Session, queue: Queue, now: datetime) -> None:
        monkeypatch.undo()
        go_on(session, queue, now)
        at_once(1, lambda _: tell(shop, 2))

    if kind == "postgresql":
        monkeypatch.setattr(queues, "go_on", go_on_and_write)
    else:
        tell(shop, 2)
    program.status = 200
    shop.read(lambda: shop.prepaid.switch_endpoint("user:1", endpoint, on=True))
    tell(shop, 3)
    shop.tick()

    assert program.numbers == [1, 2, 3]


def test_a_customer_adds_tests_and_removes_an_endpoint_on_its_page(shop: Shop, program: Program) -> None:
    browser = shop.browser()
    shown = shop.send_form(browser, "/prepaid/endpoints", url=program.url).text
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", shown)
    assert secret
    page = f"/prepaid/endpoints/{only_endpoint(shop)}"
    assert secret[0] not in browser.get(page).text
    assert secret[0] in shop.send_form(browser, page, to=f"{page}/secret").text

    tell(shop, 7)
    shop.send_form(browser, page, to=f"{page}/test")
    assert "The test arrived: it answered 200." in browser.get(page).text
    assert [body["type"] for _, body in program.heard] == ["endpoint.test"]
    shop.tick()
    assert program.proves(secret[0])
    program.status = 418
    shop.send_form(browser, page, to=f"{page}/test")
    assert "it answered 418. no" in browser.get(page).text

    program.status = 200
    (first,) = [sent for sent in sent_to(shop) if sent.type == "credits.added"]
    shop.send_form(browser, page, to=f"{page}/again", delivery=str(first.delivery.id))
    shop.tick()
    assert [id for id, _ in program.heard][1:] == [first.uid, first.uid], "again, under the same id"
    assert json.loads(first.body)["data"]["credits"] == 7

    shop.send_form(browser, page, to=f"{page}/switch", on="0")
    tell(shop, 8)
    refused = shop.send_form(browser, page, to=f"{page}/again", delivery=str(first.delivery.id))
    assert "Switch the endpoint on first." in browser.get(refused.location).text
    shop.send_form(browser, page, to=f"{page}/switch", on="1")
    tell(shop, 9)
    shop.tick()
    assert program.heard[-1][1]["data"]["credits"] == 9
    assert 8 not in [body["data"].get("credits") for _, body in program.heard], "it was off by its owner"

    shop.send_form(browser, page, to=f"{page}/remove")
    assert browser.get(page).status_code == 404
    assert (
        shop.read(lambda: shop.prepaid.session.scalar(select(func.count()).where(Delivery.endpoint_id > 0)))
        == 0
    )


@pytest.mark.parametrize(("index", "numbers"), [(0, [1, 2, 3]), (2, [1, 2, 3, 1])], ids=["waits", "sent"])
def test_a_message_that_is_sent_by_hand_waits_for_no_retry_of_what_is_in_front_of_it(
    shop: Shop, program: Program, index: int, numbers: list[int]
) -> None:
    endpoint, _ = add(shop, program.url)
    tell(shop, 1)
    shop.tick()
    program.status = 500
    tell(shop, 2)
    tell(shop, 3)
    wait(shop, hours=4, times=8)
    program.status = 200
    again, page = sent_to(shop)[index], f"/prepaid/endpoints/{endpoint}"

    shop.send_form(shop.browser(), page, to=f"{page}/again", delivery=str(again.delivery.id))
    shop.tick()

    assert program.numbers == numbers


def test_while_a_secret_is_changed_both_prove_what_comes(shop: Shop, program: Program) -> None:
    endpoint, old = add(shop, program.url)
    page = f"/prepaid/endpoints/{endpoint}"
    browser = shop.browser()
    assert shop.send_form(browser, page, to=f"{page}/rotate").status_code == 303
    assert "It has a new secret." in browser.get(page).text
    (row,) = shop.read(lambda: shop.prepaid.endpoints("user:1"))
    assert row.secret != old

    tell(shop, 1)
    shop.tick()
    assert program.proves(old)
    assert program.proves(row.secret)

    program.headers.clear()
    program.bodies.clear()
    shop.stripe.advance(days=2)
    tell(shop, 2)
    shop.tick()
    assert program.proves(row.secret)
    with pytest.raises(WebhookVerificationError):
        program.proves(old)


@pytest.mark.each_database
def test_a_secret_that_is_changed_twice_within_a_day_still_proves_what_comes(
    shop: Shop, program: Program
) -> None:
    """A double click, or a retry: the customer's program has the first secret, and never saw the second."""
    endpoint, old = add(shop, program.url)

    def rotate(_: int) -> str:
        return str(shop.read(lambda: shop.prepaid.rotate_endpoint_secret("user:1", endpoint)))

    made = {*at_once(2, rotate), rotate(2)}
    assert len(made) == 3

    tell(shop, 1)
    shop.tick()
    (row,) = shop.read(lambda: shop.prepaid.endpoints("user:1"))
    assert row.secret in made
    assert program.proves(old)
    assert program.proves(row.secret)

    wait(shop, hours=25)
    (row,) = shop.read(lambda: shop.prepaid.endpoints("user:1"))
    assert (row.old_secret, row.old_until) == (None, None)
    shop.read(lambda: shop.prepaid.rotate_endpoint_secret("user:1", endpoint))
    (again,) = shop.read(lambda: shop.prepaid.endpoints("user:1"))
    assert again.old_secret == row.secret


@pytest.mark.each_database
def test_an_endpoint_is_removed_while_what_it_answered_is_noted(shop: Shop, program: Program) -> None:
    """Whoever locks a delivery and its endpoint begins with the delivery: nobody waits for each other."""
    for number in range(12):
        endpoint, _ = add(shop, f"{program.url}&n={number}")
        program.status = (200, 500, 410)[number % 3]
        tell(shop, number)

        def act(which: int, endpoint: int = endpoint) -> None:
            if which:
                shop.read(lambda: shop.prepaid.remove_endpoint("user:1", endpoint))
            else:
                shop.tick()

        at_once(2, act)
        assert shop.read(lambda: shop.prepaid.endpoints("user:1")) == []
        shop.tick()
    left = select(func.count()).select_from(Delivery).where(Delivery.target == Target.ENDPOINT)
    assert shop.read(lambda: shop.prepaid.session.scalar(left)) == 0


def test_doctor_speaks_of_endpoints_that_wait_and_of_all_that_fail(shop: Shop, program: Program) -> None:
    program.status = 500
    for number in range(3):
        add(shop, f"{program.url}&n={number}", f"user:{number}")
        tell(shop, number, f"user:{number}")
    assert "endpoint" not in shop.command("doctor").output
    shop.stripe.advance(hours=1)
    assert "3 endpoints of customers wait for half an hour or more" in shop.command("doctor").output

    shop.tick()

    assert "All 3 endpoints of customers fail" in shop.command("doctor").output


def test_no_connection_is_held_while_a_names_server_thinks(shop: Shop, program: Program) -> None:
    held: list[int] = []

    def resolve(host: str, port: int) -> list[str]:
        held.append(shop.prepaid.engine.pool.checkedout())  # type: ignore[attr-defined]
        return ["127.0.0.1"]

    shop.read(lambda: setattr(shop.prepaid.outbox, "poster", Poster(local=True, resolve=resolve)))
    url = program.url.replace("127.0.0.1", "hooks.example")
    assert shop.send_form(shop.browser(), "/prepaid/endpoints", url=url).status_code == 200
    shop.send_form(shop.browser(), "/prepaid/endpoints", to=f"/prepaid/endpoints/{only_endpoint(shop)}/test")

    assert held == [0, 0]


@pytest.mark.parametrize("owners", [1, 10], ids=["one customer", "many"])
def test_whoever_waits_for_slow_servers_takes_few_of_the_threads_of_all(shop: Shop, owners: int) -> None:
    waiting, go_on = Semaphore(0), Event()

    def resolve(host: str, port: int) -> list[str]:
        waiting.release()
        go_on.wait(20)
        return ["8.8.8.8"]

    shop.read(lambda: setattr(shop.prepaid.outbox, "poster", Poster(local=False, resolve=resolve)))
    places = min(owners, AT_ONCE)

    def add_one(number: int) -> int:
        owner = f"user:{number % owners}"
        url = f"https://hooks{number}.example/"
        return shop.send_form(shop.browser(owner), "/prepaid/endpoints", url=url).status_code

    with ThreadPoolExecutor(10) as threads:
        answers = [threads.submit(add_one, number) for number in range(10)]
        assert all(waiting.acquire(timeout=20) for _ in range(places))
        refused = list(islice(as_completed(answers, timeout=20), 10 - places))
        go_on.set()

    assert {answer.result() for answer in refused} == {429}
    assert sorted(answer.result() for answer in answers) == [200] * places + [429] * (10 - places)


def test_addresses_are_added_no_faster_than_others_are_asked(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ASKS_PER_MINUTE=3)
    urls = [f"https://192.0.2.{number}/" for number in range(9)]
    answers = [shop.send_form(shop.browser(), "/prepaid/endpoints", url=url).status_code for url in urls]

    assert answers[0] == 422
    assert 429 in answers  # not always the last: a minute may end in between


def only_endpoint(shop: Shop) -> int:
    return int(shop.read(lambda: shop.prepaid.endpoints("user:1"))[0].id)


def sent_to(shop: Shop) -> list[SentWebhook]:
    return list(shop.read(lambda: shop.prepaid.deliveries("user:1", only_endpoint(shop))))


def test_too_many_endpoints_and_tests_and_unknown_events_are_refused(shop: Shop, program: Program) -> None:
    endpoint, _ = add(shop, program.url)
    with pytest.raises(UnknownItem, match="no event 'nonsense'"):
        add(shop, program.url, events=("nonsense",))
    assert add(shop, program.url)[0] == endpoint, "a repeat, such as a page that is loaded again, finds it"
    others = [add(shop, f"{program.url}&n={number}")[0] for number in range(9)]
    with pytest.raises(UnknownItem, match="10 addresses"):
        add(shop, f"{program.url}&n=10")
    assert len(shop.read(lambda: shop.prepaid.endpoints("user:1"))) == 10
    for number in (endpoint, *others):
        assert shop.read(partial(shop.prepaid.test_endpoint, "user:1", number)).status == 200
    with pytest.raises(TooManyCalls):  # of one owner's, whichever it is
        shop.read(lambda: shop.prepaid.test_endpoint("user:1", endpoint))
    shop.stripe.advance(minutes=2)
    assert shop.read(lambda: shop.prepaid.test_endpoint("user:1", endpoint)).status == 200


def test_it_is_sent_only_the_events_that_it_wants(shop: Shop, program: Program) -> None:
    add(shop, program.url, events=("payment.failed",))
    tell(shop, 1)
    shop.tick()
    assert program.bodies == []


@pytest.mark.parametrize(
    "where", ["http://169.254.169.254/latest", "https://127.0.0.1/", "http://hooks.example"]
)
def test_a_redirect_is_followed_nowhere(shop: Shop, program: Program, where: str) -> None:
    endpoint, _ = add(shop, program.url)
    program.status, program.location = 302, where
    with hearing() as behind:
        if where == "http://hooks.example":
            program.location = behind.url
        posted = shop.read(lambda: shop.prepaid.test_endpoint("user:1", endpoint))
        assert (posted.status, posted.error.partition(",")[0]) == (302, "It redirects")
        assert behind.bodies == []
    assert len(program.bodies) == 1


def test_a_name_that_leads_elsewhere_later_is_refused_then(shop: Shop, program: Program) -> None:
    """The name's address is asked once for each webhook, and the connection goes to what was answered."""
    names, questions = {"hooks": ["127.0.0.1"]}, []

    def resolve(host: str, port: int) -> list[str]:
        questions.append(host)
        return names["hooks"]

    shop.read(lambda: setattr(shop.prepaid.outbox, "poster", Poster(local=True, resolve=resolve)))
    url = program.url.replace("127.0.0.1", "hooks.example")
    endpoint, _ = add(shop, url)
    tell(shop, 1)
    shop.tick()
    assert program.numbers == [1], "it went where our resolver said, not the machine's"
    assert program.headers[0]["Host"] == url.split("/")[2]
    assert len(questions) == 2

    for private in ("10.0.0.7", "169.254.169.254", "::ffff:192.168.0.1"):
        names["hooks"] = ["127.0.0.1", private]
        tell(shop, 2)
        posted = shop.read(lambda: shop.prepaid.test_endpoint("user:1", endpoint))
        assert posted.error == "It leads to an address that is not public."
    shop.tick()
    assert len(program.bodies) == 1

    with pytest.raises(UnknownItem, match="not public"):
        add(shop, url)


def test_without_the_setting_nothing_goes_to_this_machine(shop_with: ShopWith, program: Program) -> None:
    shop = shop_with()
    answer = shop.send_form(shop.browser(), "/prepaid/endpoints", url=program.url)
    assert (answer.status_code, "begins with https" in answer.text) == (422, True)
    secure = program.url.replace("http:", "https:")
    answer = shop.send_form(shop.browser(), "/prepaid/endpoints", url=secure)
    assert (answer.status_code, "is not public" in answer.text) == (422, True)
    with pytest.raises(ConfigError, match="PREPAID_LOCAL_WEBHOOKS"):
        shop_with(
            PREPAID_LOCAL_WEBHOOKS=True,
            PREPAID_STRIPE_SECRET_KEY="sk_live_x",
            PREPAID_STRIPE_PUBLISHABLE_KEY="pk_live_x",
        )


def test_one_that_is_gone_is_switched_off_at_once(
    shop: Shop, program: Program, mails: list[tuple[str, str, str]]
) -> None:
    endpoint, _ = add(shop, program.url)
    program.status = 410
    tell(shop, 1)
    shop.tick()
    assert state_of(shop, endpoint) == "gone"
    assert "410 Gone" in mails[0][2]
    program.status = 200
    shop.read(lambda: shop.prepaid.switch_endpoint("user:1", endpoint, on=True))
    shop.tick()
    assert program.heard == []
