"""Views that cost credits: held before, taken after, given back where nothing came of it."""

from __future__ import annotations

import pytest
from flask import Response, abort, jsonify
from flask.typing import ResponseReturnValue

from .host import OWNER, Host


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
