"""Requests are handed on with their whole body, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flask_prepaid.fast_path import buffering
from flask_prepaid.fast_path.buffering import BufferedRequests
from flask_prepaid.fast_path.handover import GONE

REQUEST = {"type": "http", "method": "POST", "path": "/", "query_string": b"a=\xff%20"}


def hand_on(
    headers: list[tuple[bytes, bytes]], *events: dict[str, Any]
) -> tuple[dict[str, Any], bytes] | int:
    """The request that the app behind gets, with its body; or the status of a refusal before it."""
    requests: list[tuple[dict[str, Any], bytes]] = []
    sent: list[Any] = []
    coming = iter(events)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        event = await receive()
        assert not event["more_body"]
        requests.append((scope, event["body"]))

    async def receive() -> Any:
        return next(coming)

    async def send(event: Any) -> None:
        sent.append(event)

    front: Any = BufferedRequests(app, max_body=10)
    asyncio.run(front({**REQUEST, "headers": headers}, receive, send))
    return requests[0] if requests else sent[0]["status"]


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_chunks_gets_a_length() -> None:
    handed_on = hand_on([(b"transfer-encoding", b"chunked")], part(b"ab", True), part(b"c", True), part(b""))

    assert isinstance(handed_on, tuple)
    scope, body = handed_on
    assert body == b"abc"
    assert scope["headers"] == [(b"content-length", b"3")]
    assert scope["query_string"] == b"a=%FF%20"


def test_a_body_that_is_too_long_is_not_kept_and_its_length_says_so() -> None:
    handed_on = hand_on([(b"transfer-encoding", b"chunked")], part(b"a" * 8, True), part(b"b" * 8, True))

    assert isinstance(handed_on, tuple)
    assert handed_on[1] == b""
    assert int(dict(handed_on[0]["headers"])[b"content-length"]) > 10


def test_a_body_that_does_not_come_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffering, "BODY_WITHIN_S", 0.05)
    statuses: list[int] = []

    async def never() -> Any:
        await asyncio.sleep(60)

    async def send(event: Any) -> None:
        statuses.append(event.get("status", 0))

    app: Any = never
    front: Any = BufferedRequests(app, max_body=10)
    asyncio.run(front({**REQUEST, "headers": []}, never, send))

    assert statuses[0] == 408


@pytest.mark.parametrize("way", ["it says so", "it takes nothing"])
def test_a_long_answer_ends_when_its_caller_has_gone(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffering, "TAKEN_WITHIN_S", 0.05)
    written: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        while not scope[GONE].is_set():
            written.append(1)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0)

    bodies = iter([part(b"")])

    async def receive() -> Any:
        event = next(bodies, None)
        if event is None and way == "it takes nothing":
            await asyncio.sleep(60)
        return event or {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        if way == "it takes nothing" and len(written) > 10:
            await asyncio.sleep(60)

    front: Any = BufferedRequests(app, max_body=10)
    asyncio.run(asyncio.wait_for(front({**REQUEST, "headers": []}, receive, send), 60))

    assert 3 < len(written) < 20


def test_a_body_that_was_cut_on_the_way_is_not_handed_on() -> None:
    gone = {"type": "http.disconnect"}

    assert hand_on([(b"content-length", b"5")], part(b"ab", True), gone) == 400
    assert hand_on([(b"content-length", b"5")], part(b"ab")) == 400
