"""Routes of a FastAPI app that cost credits: held before, taken after, given back where nothing came of it.

FastAPI reads the annotations, which name what a test has made: they are no texts here.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import event
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Send

from prepaid_ledger import Rates, Unit
from prepaid_ledger.aio import AsyncHeldCredits, AsyncMeter
from prepaid_ledger.fastapi import Costs

from .books import OWNER, Books


class App:
    """An app that sells one thing or another, and whoever calls it."""

    def __init__(self, books: Books) -> None:
        self.app = FastAPI()
        self.costs = Costs(self.app, books.awaited(), owner=lambda: OWNER)
        self._books = books

    def get(self, path: str = "/report") -> Any:
        return TestClient(self.app, raise_server_exceptions=False).get(path)

    async def serve(self, path: str, receive: Receive, send: Send | None = None, spec: str = "2.3") -> None:
        """Answer one request, as a server has it answered.

        :param spec: The version of ASGI. By 2.4 ``send`` raises where the reader is gone.
        """

        async def pass_over(message: Message) -> None:
            pass

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        asgi = {"version": "3.0", "spec_version": spec}
        await self.app({**scope, "asgi": asgi}, receive, send or pass_over)

    def available(self) -> int:
        return self._books.ledger.available(OWNER)

    def held(self) -> int:
        return self._books.ledger.wallet(OWNER).held


@pytest.fixture
def app(books: Books) -> Iterator[App]:
    books.grant(10)
    app = App(books)
    yield app
    assert app.held() == 0  # each hold was ended with its request


@pytest.mark.parametrize(
    ("answer", "status", "left"),
    [("fine", 200, 7), ("broken", 503, 10), ("refused", 404, 10), ("raises", 500, 10), ("wrong", 422, 10)],
)
def test_a_route_costs_credits_only_if_it_answers(app: App, answer: str, status: int, left: int) -> None:
    @app.app.get("/report", dependencies=[Depends(app.costs(3))])
    async def report(pages: int = 1) -> JSONResponse:
        if answer == "raises":
            raise RuntimeError("the work went wrong")
        if answer == "refused":
            raise HTTPException(404)
        return JSONResponse({"pages": pages}, 503 if answer == "broken" else 200)

    assert app.get("/report?pages=many" if answer == "wrong" else "/report").status_code == status
    assert app.available() == left


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_no_routes_can_be_made_of_is_refused_where_it_is_written(books: Books) -> None:
    app, awaited = FastAPI(), books.awaited()
    wrong: list[tuple[tuple[Any, Any], Any, str]] = [
        ((app, books.unjoined), lambda: OWNER, r"is AsyncLedger\(Ledger\(engine\)\), not"),
        ((awaited, app), lambda: OWNER, "is a FastAPI app, not"),
        ((app, awaited), OWNER, r"Costs\(owner=...\) is a function, as Depends takes one, not"),
    ]
    for (first, second), owner, sentence in wrong:
        with pytest.raises(TypeError, match=sentence):
            Costs(first, second, owner=owner)
    in_thousandths = Rates({"report": "3"}, version="1", scale=3).price("report")
    with pytest.raises(ValueError, match="has scale 3, and credits have scale 0 here"):
        Costs(app, awaited, owner=lambda: OWNER)(in_thousandths)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_refusal_writes_credits_as_the_unit_does(books: Books) -> None:
    books.grant(200)
    app = FastAPI()
    costs = Costs(app, books.awaited(), owner=lambda: OWNER, unit=Unit("token", scale=3))

    @app.get("/report", dependencies=[Depends(costs(125))])
    async def report() -> str:
        return "fine"

    client = TestClient(app)
    assert client.get("/report").status_code == 200
    poor = client.get("/report")
    books.grant(1000, key="gift:2")
    books.ledger.set_budget(OWNER, 130)
    books.commit()
    over = client.get("/report")

    assert (poor.status_code, over.status_code) == (402, 402)
    error = poor.json()["error"]
    assert (error["needed"], error["balance"]) == ("0.125", "0.075")
    assert error["message"] == "0.125 tokens are needed, 0.075 are available"
    error = over.json()["error"]
    assert (error["budget"], error["left"], error["needed"]) == ("0.130", "0.005", "0.125")


def test_a_route_takes_the_credits_of_who_asks_within_their_budget(books: Books) -> None:
    books.grant(20)
    books.ledger.set_budget(OWNER, 7, spender="member:5", every="month")
    books.commit()
    app = FastAPI()
    costs = Costs(app, books.awaited(), owner=lambda: OWNER, spender=lambda member: f"member:{member}")

    @app.get("/report", dependencies=[Depends(costs(3))])
    async def report() -> str:
        return "fine"

    client = TestClient(app)
    calls = [client.get("/report", params={"member": member}).status_code for member in (5, 5, 5, 6)]
    assert calls == [200, 200, 402, 200]
    assert [entry.spender for entry in books.ledger.entries(OWNER, 3)] == ["member:6", "member:5", "member:5"]


def test_a_route_takes_less_or_nothing_and_one_without_a_price_is_free(app: App) -> None:
    @app.app.get("/less")
    async def less(hold: Annotated[AsyncHeldCredits, Depends(app.costs(5))]) -> str:
        await hold.capture(2)
        return "less"

    @app.app.get("/nothing")
    async def nothing(hold: Annotated[AsyncHeldCredits, Depends(app.costs(5))]) -> str:
        await hold.release()
        return "nothing"

    @app.app.get("/free")
    async def free() -> str:
        return "free"

    left = [(app.get(path).status_code, app.available()) for path in ("/less", "/nothing", "/free")]
    assert left == [(200, 8)] * 3


def test_a_price_by_unit_stands_on_the_entry(app: App, books: Books) -> None:
    price = Rates({"report": "2.5"}, version="2026-11").price("report", 2)

    @app.app.get("/report", dependencies=[Depends(app.costs(price))])
    def report() -> str:
        return "a route without async"

    assert app.get().status_code == 200
    entry = books.ledger.entries(OWNER, limit=1)[0]
    assert (entry.credits, entry.item, entry.quantity, entry.price_version) == (-5, "report", 2, "2026-11")


def test_a_number_of_credits_has_its_item_beside_it(app: App, books: Books) -> None:
    @app.app.get("/report", dependencies=[Depends(app.costs(3, item="report"))])
    def report() -> str:
        return "a route without async"

    assert app.get().status_code == 200
    assert books.ledger.entries(OWNER, limit=1)[0].item == "report"
    with pytest.raises(ValueError, match="item beside price"):
        app.costs(Rates({"page": "2"}, version="1").price("page", 1), item="report")


@pytest.mark.parametrize("path", ["/whole", "/breaks", "/captures"])
def test_a_stream_is_charged_when_it_ends_and_not_when_it_breaks(app: App, path: str) -> None:
    async def parts(hold: AsyncHeldCredits) -> AsyncIterator[str]:
        yield "one "
        assert app.held() == 4
        if path == "/breaks":
            raise RuntimeError("the work went wrong")
        if path == "/captures":
            await hold.capture(1)
        yield "two"

    @app.app.get(path)
    async def stream(hold: Annotated[AsyncHeldCredits, Depends(app.costs(4))]) -> StreamingResponse:
        return StreamingResponse(parts(hold))

    app.get(path)

    assert app.available() == {"/whole": 6, "/breaks": 10, "/captures": 9}[path]


@pytest.mark.parametrize(("parts_read", "left"), [(0, 10), (1, 6)])
def test_a_reader_who_leaves_pays_if_something_was_delivered(app: App, parts_read: int, left: int) -> None:
    gone = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(parts_read):
            yield b"a part"
        gone.set()
        await asyncio.Event().wait()

    @app.app.get("/stream", dependencies=[Depends(app.costs(4))])
    async def stream() -> StreamingResponse:
        return StreamingResponse(parts())

    async def receive() -> dict[str, Any]:
        if gone.is_set() or not first:
            await gone.wait()
            return {"type": "http.disconnect"}
        first.clear()
        return {"type": "http.request", "body": b"", "more_body": False}

    first = [True]
    asyncio.run(app.serve("/stream", receive))

    assert app.available() == left


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
@pytest.mark.parametrize("parts_read", [0, 2])
def test_a_meter_of_a_dependency_ends_with_a_reader_who_leaves(
    app: App, books: Books, spec: str, parts_read: int
) -> None:
    sent: list[object] = []

    async def metered() -> AsyncIterator[AsyncMeter]:
        async with books.awaited().meter(OWNER, key="chat:1", step=5) as meter:
            yield meter

    async def parts(meter: AsyncMeter) -> AsyncIterator[bytes]:
        while True:
            await meter.count()
            yield b"a part"

    @app.app.get("/chat")
    async def chat(meter: Annotated[AsyncMeter, Depends(metered)]) -> StreamingResponse:
        return StreamingResponse(parts(meter))

    async def receive() -> Message:
        if first:
            return first.pop()
        while len(sent) < parts_read:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if len(sent) >= parts_read and spec == "2.4":
            raise OSError("the reader is gone")
        sent.append(message.get("body"))
        await asyncio.sleep(0)

    first: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
    with suppress(ClientDisconnect):
        asyncio.run(app.serve("/chat", receive, send, spec))

    assert app.held() == 0
    assert 10 - 1 - parts_read <= app.available() <= 10


@pytest.mark.parametrize(("path", "left"), [("/works", 10), ("/streams", 10 - 4)])
def test_a_request_that_its_server_cancels_keeps_no_hold(app: App, path: str, left: int) -> None:
    begun = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"a part"
        begun.set()
        await asyncio.Event().wait()

    @app.app.get(path, dependencies=[Depends(app.costs(4))])
    async def answer() -> StreamingResponse:
        if path == "/works":
            begun.set()
            await asyncio.Event().wait()
        return StreamingResponse(parts())

    asyncio.run(cancelled(app, path, begun.wait, lambda: None))

    assert app.available() == left


def test_a_request_that_is_cancelled_while_its_credits_are_held_gets_none(app: App, books: Books) -> None:
    begun, is_gone = threading.Event(), threading.Event()

    @event.listens_for(books.engine, "before_cursor_execute")
    def wait(*statement: object) -> None:
        begun.set()
        is_gone.wait(timeout=30)

    @app.app.get("/report", dependencies=[Depends(app.costs(4))])
    async def report() -> None:
        raise AssertionError("nobody waits for it")

    asyncio.run(cancelled(app, "/report", lambda: asyncio.to_thread(begun.wait), is_gone.set))

    assert app.available() == 10


async def cancelled(
    app: App, path: str, begun: Callable[[], Awaitable[object]], go_on: Callable[[], None]
) -> None:
    """A request is cancelled when it has begun; whatever else that set off comes to its end."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nothing is received")

    call = asyncio.ensure_future(app.serve(path, receive))
    await begun()
    call.cancel()
    await asyncio.wait([call])
    go_on()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def test_an_answer_whose_hold_has_ended_meanwhile_is_not_given_away(app: App, books: Books) -> None:
    @app.app.get("/report")
    async def report(hold: Annotated[AsyncHeldCredits, Depends(app.costs(8))]) -> dict[str, str]:
        books.time += timedelta(hours=2)
        books.ledger.spend_now(OWNER, credits=10, key="meanwhile")
        return {"secret": "the report"}

    answer = app.get()

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "hold_closed")
    assert "secret" not in answer.text
    assert app.available() == 0


def test_a_budget_that_is_spent_answers_402_with_what_is_left(app: App, books: Books) -> None:
    books.ledger.set_budget(OWNER, 2, every="day")
    books.commit()

    @app.app.get("/report", dependencies=[Depends(app.costs(3))])
    async def report() -> None:
        raise AssertionError("nobody paid")

    answer = app.get()

    assert answer.status_code == 402
    error = answer.json()["error"]
    assert (error["code"], error["left"], error["resets_at"]) == (
        "budget_exceeded",
        2,
        "2026-01-02T00:00:00+00:00",
    )


@pytest.mark.parametrize("price", [0, -1, 1.5, True, "3", None])
def test_a_price_that_is_none_is_refused_where_it_is_written(app: App, price: Any) -> None:
    with pytest.raises(ValueError, match=r"^costs\(price\) is "):
        app.costs(price)
