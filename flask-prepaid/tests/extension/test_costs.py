"""Views that cost credits: held before, taken after, given back where nothing came of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from flask import Response, abort, jsonify, request, stream_with_context
from flask.typing import ResponseReturnValue
from sqlalchemy import URL

from flask_prepaid.errors import ConfigError
from prepaid_ledger import Rates

from .host import OWNER, Host

CUSTOMER = {"X-Owner": OWNER}


@pytest.mark.parametrize(("answer", "left"), [("fine", 7), ("broken", 10), ("refused", 10), ("raises", 10)])
def test_a_view_costs_credits_only_if_it_answers(host: Host, answer: str, left: int) -> None:
    host.grant(10)
    host.app.config["PROPAGATE_EXCEPTIONS"] = False

    @host.app.get("/report")
    @host.prepaid.costs(3)
    def report() -> ResponseReturnValue:
        if answer == "raises":
            raise RuntimeError("the work went wrong")
        if answer == "refused":
            abort(404)
        return jsonify(pages=1), 503 if answer == "broken" else 200

    host.app.test_client().get("/report", headers={"X-Owner": OWNER})

    assert host.prepaid.available(OWNER) == left


def test_a_view_that_costs_too_much_answers_402_to_programs_and_people(host: Host) -> None:
    host.grant(2)

    @host.app.get("/report")
    @host.prepaid.costs(3)
    def report() -> ResponseReturnValue:
        raise AssertionError("nobody paid")

    browser = host.app.test_client()
    program = browser.get("/report", headers={"X-Owner": OWNER, "Accept": "application/json"})
    person = browser.get("/report", headers={"X-Owner": OWNER, "Accept": "text/html"})

    assert program.status_code == person.status_code == 402
    assert program.get_json()["error"]["code"] == "insufficient_credits"
    assert "3 credits are needed, 2 are available" in person.get_data(as_text=True)


def test_a_view_with_a_price_asks_who_pays(host: Host) -> None:
    @host.app.get("/report")
    @host.prepaid.costs(3)
    def report() -> Response:
        raise AssertionError("nobody paid")

    assert host.app.test_client().get("/report").status_code == 401


def test_a_program_without_an_owner_is_told_so_in_json_and_a_person_on_a_page(host: Host) -> None:
    @host.app.get("/report")
    @host.prepaid.costs(3)
    def report() -> Response:
        raise AssertionError("nobody paid")

    program = host.app.test_client().get("/report")
    person = host.app.test_client().get("/report", headers={"Accept": "text/html,*/*;q=0.8"})

    assert program.json == {
        "status": "FAILURE",
        "error": {"code": "unauthenticated", "message": "Sign in first."},
    }
    assert (person.status_code, person.mimetype) == (401, "text/html")


@pytest.mark.parametrize(("pages", "left"), [(2, 8), (7, 3), (0, 10)])
def test_the_price_may_depend_on_the_request(host: Host, pages: int, left: int) -> None:
    host.grant(10)

    @host.app.get("/report")
    @host.prepaid.costs(lambda: int(request.args["pages"]))
    def report() -> str:
        return "A report"

    answer = host.app.test_client().get("/report", query_string={"pages": pages}, headers=CUSTOMER)

    assert (answer.status_code, host.prepaid.available(OWNER)) == (200, left)


@pytest.mark.parametrize(("pages", "left"), [(2, 5), (0, 10)])
def test_a_view_at_a_price_by_unit_says_on_the_entry_what_it_was_made_of(
    host: Host, pages: int, left: int
) -> None:
    host.grant(10)
    rates = Rates({"page": "2.5", "cover": "1"}, version="2026-11")

    @host.app.get("/report")
    @host.prepaid.costs(lambda: rates.price("page", int(request.args["pages"])))
    def report() -> str:
        return "A report"

    @host.app.get("/cover")
    @host.prepaid.costs(rates.price("cover"))
    def cover() -> str:
        return "A cover"

    browser = host.app.test_client()
    assert browser.get("/report", query_string={"pages": pages}, headers=CUSTOMER).status_code == 200
    with host.app.app_context():
        assert host.prepaid.quote(OWNER, rates.price("page", 1)).can_be_paid
        assert not host.prepaid.quote(OWNER, rates.price("page", 5)).can_be_paid
    assert browser.get("/cover", headers=CUSTOMER).status_code == 200

    assert host.prepaid.available(OWNER) == left - 1
    entries = host.prepaid.books.entries(OWNER, kind="spend")
    uses = [(entry.item, entry.quantity, entry.price_version) for entry in entries]
    assert uses == [("cover", 1, "2026-11"), ("page", pages, "2026-11")][: 2 if pages else 1]


def test_a_view_names_what_it_sells(host: Host) -> None:
    host.grant(10)

    @host.app.get("/report")
    @host.prepaid.costs(3, item="report")
    def report() -> str:
        return "A report"

    assert host.app.test_client().get("/report", headers=CUSTOMER).status_code == 200

    with host.app.app_context():
        (entry,) = host.prepaid.entries(OWNER, item="report")
        assert entry.credits == -3


def test_a_price_that_is_none_is_the_developers_to_mend(host: Host) -> None:
    @host.app.get("/report")
    @host.prepaid.costs(lambda: -1)
    def report() -> str:
        raise AssertionError("nobody paid")

    with pytest.raises(ConfigError, match="The price of report is -1"):
        host.app.test_client().get("/report", headers=CUSTOMER)


def test_a_view_takes_less_than_was_held(host: Host) -> None:
    host.grant(10)

    @host.app.get("/report")
    @host.prepaid.costs(9)
    def report() -> str:
        host.prepaid.current_hold.capture(4)
        return "A short report"

    assert host.app.test_client().get("/report", headers=CUSTOMER).status_code == 200

    assert host.prepaid.available(OWNER) == 6
    with pytest.raises(RuntimeError, match="No view that costs credits"):
        _ = host.prepaid.current_hold


def keyed_report(host: Host, fails: list[bool]) -> None:
    @host.app.post("/report")
    @host.prepaid.costs(3, key=lambda: request.headers.get("Idempotency-Key"))
    def report() -> ResponseReturnValue:
        return ("broken", 503) if fails.pop() else "A report"


def send(host: Host, key: str | None = "one", owner: str = OWNER) -> tuple[int, str | None]:
    headers = {"X-Owner": owner, **({"Idempotency-Key": key} if key else {})}
    answer = host.app.test_client().post("/report", headers=headers)
    return answer.status_code, answer.get_json()["error"]["code"] if answer.is_json else None


def test_the_same_key_pays_once(host: Host) -> None:
    host.grant(10)
    keyed_report(host, [False] * 3)

    assert send(host) == (200, None)
    assert send(host) == (409, "already_paid")
    assert host.prepaid.available(OWNER) == 7
    assert send(host, "two") == (200, None)
    assert send(host, None) == (200, None)
    assert host.prepaid.available(OWNER) == 1
    assert send(host, "three") == (402, "insufficient_credits")
    assert send(host) == (409, "already_paid")


def test_a_key_that_has_paid_says_so_though_the_budget_is_spent(host: Host) -> None:
    host.grant(10)
    keyed_report(host, [False, True])
    host.prepaid.set_budget(OWNER, 5)
    host.db.session.commit()

    assert send(host, "two") == (503, None)
    assert send(host) == (200, None)

    assert send(host) == (409, "already_paid")
    assert send(host, "two") == (402, "budget_exceeded")  # it failed, and its hold was given back


def test_a_key_that_no_text_can_be_pays_once_and_leaves_no_hold(host: Host) -> None:
    host.grant(3)

    @host.app.post("/broken")
    @host.prepaid.costs(1, key=lambda: request.get_json()["key"])
    def broken() -> str:
        return "done"

    answers = [
        host.app.test_client().post("/broken", headers={"X-Owner": OWNER}, json={"key": "\ud800"}).status_code
        for _ in range(3)
    ]

    assert answers == [200, 409, 409]
    assert host.prepaid.available(OWNER) == 2


def test_a_key_that_names_nothing_is_refused_and_one_that_is_no_text_is_the_developers_to_mend(
    host: Host,
) -> None:
    host.grant(10)
    keyed_report(host, [])

    @host.app.get("/listed")
    @host.prepaid.costs(1, key=lambda: ["a"])  # type: ignore[arg-type, return-value]
    def listed() -> str:
        raise AssertionError("nobody paid")

    answer = host.app.test_client().post("/report", headers={**CUSTOMER, "Idempotency-Key": ""})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "bad_key")
    with pytest.raises(ConfigError, match="Let it give a text, or None"):
        host.app.test_client().get("/listed", headers=CUSTOMER)
    assert (host.prepaid.available(OWNER), host.prepaid.wallet(OWNER).held) == (10, 0)


def test_after_a_failure_the_same_key_can_be_used_again(host: Host) -> None:
    host.grant(10)
    keyed_report(host, [False, True])

    assert send(host) == (503, None)
    assert host.prepaid.available(OWNER) == 10
    assert send(host) == (200, None)
    assert host.prepaid.available(OWNER) == 7


@pytest.mark.parametrize("credits", [10, 3])
def test_of_two_at_once_under_one_key_one_is_at_work_and_the_other_is_told_so(
    host: Host, credits: int
) -> None:
    host.grant(credits)
    began, go_on = Event(), Event()

    @host.app.post("/report")
    @host.prepaid.costs(3, key=lambda: "one")
    def report() -> str:
        began.set()
        assert go_on.wait(30)
        return "A report"

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(send, host)
        assert began.wait(30)
        second = send(host)
        go_on.set()

    assert (first.result(), second) == ((200, None), (409, "still_running"))
    assert host.prepaid.available(OWNER) == credits - 3


def test_another_owner_may_have_the_same_key(host: Host) -> None:
    host.grant(3)
    host.prepaid.grant("user:2", 3, key="gift", reason="a gift")
    host.db.session.commit()
    keyed_report(host, [False, False])

    assert send(host) == send(host, owner="user:2") == (200, None)


def streamed(host: Host, *, breaks: bool = False, by_part: bool = False, with_context: bool = False) -> None:
    """A view that streams three parts for nine credits, or three for each part that was read."""

    @host.app.get("/stream")
    @host.prepaid.costs(9)
    def stream() -> Response:
        hold = host.prepaid.current_hold

        def parts() -> Iterator[str]:
            read = 0
            try:
                for read in (1, 2, 3):
                    if breaks and read == 2:
                        raise RuntimeError("the model went away")
                    yield f"part {read};"
            finally:
                if by_part:
                    hold.capture(3 * read)

        return Response(stream_with_context(parts()) if with_context else parts())


@pytest.mark.parametrize("with_context", [False, True])
def test_a_stream_is_charged_when_it_ends(host: Host, with_context: bool) -> None:
    host.grant(10)
    streamed(host, with_context=with_context)
    host.context.pop()  # a server has no context of its own around a stream

    answer = host.app.test_client().get("/stream", headers=CUSTOMER)
    with host.app.app_context():
        before = host.prepaid.balance(OWNER)
    assert answer.text == "part 1;part 2;part 3;"

    host.context = host.app.app_context()
    host.context.push()
    assert (before, host.prepaid.balance(OWNER)) == (10, 1)


def test_a_stream_that_breaks_costs_nothing(host: Host) -> None:
    host.grant(10)
    streamed(host, breaks=True)

    answer = host.app.test_client().get("/stream", headers=CUSTOMER)
    with pytest.raises(RuntimeError, match="went away"):
        _ = answer.text

    assert host.prepaid.available(OWNER) == 10


@pytest.mark.parametrize(("by_part", "left"), [(False, 1), (True, 4)])
def test_a_reader_who_goes_away_pays_for_what_was_delivered(host: Host, by_part: bool, left: int) -> None:
    host.grant(10)
    streamed(host, by_part=by_part)

    answer = host.app.test_client().get("/stream", headers=CUSTOMER)
    parts = iter(answer.response)
    assert [next(parts), next(parts)] == [b"part 1;", b"part 2;"]
    answer.close()

    assert host.prepaid.available(OWNER) == left


def test_a_head_reads_nothing_and_pays_nothing(host: Host) -> None:
    host.grant(10)
    streamed(host)

    host.app.test_client().head("/stream", headers=CUSTOMER).close()

    assert host.prepaid.available(OWNER) == 10


def test_a_stream_that_lasted_longer_than_its_hold_is_logged(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.grant(9)

    @host.app.get("/stream")
    @host.prepaid.costs(9)
    def stream() -> Response:
        def parts() -> Iterator[str]:
            yield "slow"
            hold = host.prepaid.books
            hold.release(OWNER, key=key)

        key = host.prepaid.current_hold.key
        return Response(parts())

    assert host.app.test_client().get("/stream", headers=CUSTOMER).text == "slow"

    assert host.prepaid.available(OWNER) == 9
    assert "of a stream was not ended" in caplog.text


def test_an_async_view_costs_credits(host: Host) -> None:
    host.grant(10)

    @host.app.get("/report")
    @host.prepaid.costs(9)
    async def report() -> str:
        host.prepaid.current_hold.capture(2)
        return "A report"

    answer = host.app.test_client().get("/report", headers=CUSTOMER)

    assert (answer.text, host.prepaid.available(OWNER)) == ("A report", 8)


def test_a_view_that_calls_another_one_has_its_own_hold_again(host: Host) -> None:
    host.grant(10)

    @host.prepaid.costs(2)
    def inner() -> str:
        return "inner"

    @host.app.get("/report")
    @host.prepaid.costs(5)
    def report() -> Response:
        answer = inner()
        host.prepaid.current_hold.capture(1)
        return answer

    assert host.app.test_client().get("/report", headers=CUSTOMER).text == "inner"
    assert host.prepaid.available(OWNER) == 7


def test_keys_are_forgotten_after_a_month(host: Host) -> None:
    host.grant(10)
    keyed_report(host, [False, False])
    send(host)
    host.prepaid.state.clock = lambda: host.prepaid.setup.clock() + timedelta(days=31)

    host.app.test_cli_runner().invoke(args=["prepaid", "tick"])

    assert send(host) == (200, None)


def test_a_request_that_outlives_its_hold_is_not_paid_beside_the_one_that_took_its_place(
    database: URL,
) -> None:
    host = Host(database, PREPAID_HOLD_EXPIRES_AFTER=60)
    host.grant(20)
    answers: list[tuple[int, str | None]] = []

    @host.app.post("/report")
    @host.prepaid.costs(3, key=lambda: "one")
    def report() -> str:
        if not answers:
            host.prepaid.state.clock = lambda: host.prepaid.setup.clock() + timedelta(minutes=2)
            answers.append((0, None))
            answers.append(send(host))
        return "A report"

    first = send(host)

    assert (first, answers[1:]) == ((409, "hold_closed"), [(200, None)])
    assert host.prepaid.available(OWNER) == 17
    assert host.prepaid.audit() == []
    host.close()


def test_a_request_that_outlives_its_hold_is_paid_if_nobody_has_taken_its_place(database: URL) -> None:
    host = Host(database, PREPAID_HOLD_EXPIRES_AFTER=60)
    host.grant(20)

    @host.app.post("/report")
    @host.prepaid.costs(3, key=lambda: "one")
    def report() -> str:
        host.prepaid.state.clock = lambda: host.prepaid.setup.clock() + timedelta(minutes=2)
        return "A report"

    assert (send(host), send(host)) == ((200, None), (409, "already_paid"))
    assert host.prepaid.available(OWNER) == 17
    host.close()
