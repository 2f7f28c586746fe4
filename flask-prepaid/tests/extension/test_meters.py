"""Views that stream, and are charged what they delivered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, Response, stream_with_context

from prepaid_ledger.errors import PrepaidError

from .host import OWNER, Host

CUSTOMER = {"X-Owner": OWNER}


def chatting(host: Host, words: int, *, with_context: bool) -> Flask:
    """An app whose view streams so many words for a credit each."""

    @host.app.get("/chat/<number>")
    def chat(number: str) -> Response:
        meter = host.prepaid.meter(OWNER, key=f"chat:{number}", spender="key:1", item="word", step=5)

        def parts() -> Iterator[str]:
            with meter:
                try:
                    for word in range(words):
                        meter.count()
                        yield f"{word} "
                except PrepaidError as error:
                    yield f"({error.code})"

        response = Response(stream_with_context(parts()) if with_context else parts())
        response.call_on_close(meter.end)
        return response

    host.context.pop()  # a server has no context of its own around a stream
    return host.app


def test_a_hold_of_a_view_is_captured_in_its_stream(host: Host) -> None:
    host.grant(40)

    @host.app.get("/answer")
    def answer() -> Response:
        hold = host.prepaid.hold(OWNER, 20, key="answer:1")

        def parts() -> Iterator[str]:
            written = 0
            try:
                for word in range(12):
                    written += 1
                    yield f"{word} "
            finally:
                hold.extend(25)
                hold.capture(written)

        return Response(parts())

    host.context.pop()  # a server has no context of its own around a stream

    left = host.app.test_client().get("/answer", headers=CUSTOMER)
    parts = iter(left.response)
    read = [next(parts) for _ in range(7)]
    left.close()

    host.context = host.app.app_context()
    host.context.push()
    assert len(read) == 7
    assert (host.prepaid.balance(OWNER), host.prepaid.wallet(OWNER).held) == (33, 0)
    assert host.prepaid.audit() == []


@pytest.mark.parametrize("with_context", [False, True])
def test_a_stream_is_charged_what_it_delivered(host: Host, with_context: bool) -> None:
    host.grant(40)
    browser = chatting(host, 12, with_context=with_context).test_client()

    whole = browser.get("/chat/1", headers=CUSTOMER).text
    left = browser.get("/chat/2", headers=CUSTOMER)
    parts = iter(left.response)
    read = [next(parts) for _ in range(7)]
    left.close()
    browser.head("/chat/3", headers=CUSTOMER).close()
    again = browser.get("/chat/1", headers={**CUSTOMER, "Accept": "application/json"})
    short = [browser.get(f"/chat/{number}", headers=CUSTOMER).text for number in (4, 5)]
    none = browser.get("/chat/6", headers={**CUSTOMER, "Accept": "application/json"})

    host.context = host.app.app_context()
    host.context.push()
    assert (whole.split()[-1], len(read)) == ("11", 7)
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "hold_closed")
    assert short[1].endswith("8 (insufficient_credits)")
    assert none.status_code == 402
    charged = {entry.key: -entry.credits for entry in host.prepaid.entries(OWNER) if entry.credits < 0}
    assert charged == {"hold:chat:1": 12, "hold:chat:2": 7, "hold:chat:4": 12, "hold:chat:5": 9}
    assert host.prepaid.wallet(OWNER).held == 0
    assert host.prepaid.audit() == []
