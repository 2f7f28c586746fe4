"""What Prometheus is told, and what the log says, by a shop that sells."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rando_number.edge import logs, metrics

from ..running_shop import Program, RunningShop


def asked(shop: RunningShop, token: str) -> dict[tuple[str, str], float]:
    """Each sample by its name and the value of its label."""
    answer = shop.visitor().client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_prometheus_is_told_what_the_shop_sells_refuses_and_waits_for(tmp_path: Path) -> None:
    shop = RunningShop(tmp_path, RANDO_METRICS_TOKEN="let me see")
    with shop.app.app_context():
        shop.prepaid.count_metrics()
    before = asked(shop, "let me see")

    customer = shop.buyer()
    program = Program(shop, customer.make_key())
    assert [program.get("/number/").status_code for _ in range(3)] == [200] * 3
    poor = Program(shop, shop.customer("sam@rando.test", credits=0).make_key())
    assert poor.get("/number/").status_code == 402
    shop.command("prepaid", "tick")
    after = asked(shop, "let me see")

    def more(name: str, label: str = "") -> float:
        return after[name, label] - before.get((name, label), 0)

    assert more("prepaid_spends_total") == 3
    assert more("prepaid_batch_size_sum") == 3
    assert more("prepaid_batch_seconds_count") == more("prepaid_batch_size_count") >= 1
    # The fast path asks the ledger first, and then Flask, which words the refusal.
    assert more("prepaid_refusals_total", "insufficient_credits") == 2
    assert more("prepaid_stripe_calls_total", "answered") > 0
    assert after["prepaid_wallets", ""] == 2
    assert after["prepaid_holds_open", ""] == 0
    assert (after["prepaid_inbox_waiting", ""], after["prepaid_webhook_lag_seconds", ""]) == (0, 0)
    assert (after["prepaid_outbox_waiting", ""], after["prepaid_payments_waiting", ""]) == (0, 0)
    assert after["prepaid_tick_age_seconds", ""] < 120
    assert shop.audit() == []


def test_nobody_sees_metrics_without_the_token(shop: RunningShop, tmp_path: Path) -> None:
    assert shop.visitor().get("/metrics").status_code == 404
    closed = RunningShop(tmp_path / "other", RANDO_METRICS_TOKEN="let me see")
    for sent in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer let me"}):
        assert closed.visitor().client.get("/metrics", headers=sent).status_code == 404


def test_what_an_earlier_server_counted_is_gone_and_a_living_workers_stays(tmp_path: Path) -> None:
    (tmp_path / "counter_1.db").touch()

    with metrics.empty_if_first(tmp_path):
        assert not (tmp_path / "counter_1.db").exists()
        (tmp_path / "counter_2.db").touch()
        with metrics.empty_if_first(tmp_path):
            assert (tmp_path / "counter_2.db").exists()
    with metrics.empty_if_first(tmp_path):
        assert not (tmp_path / "counter_2.db").exists()


def test_no_token_of_an_address_is_in_the_log(shop: RunningShop) -> None:
    fault = logging.LogRecord("x", logging.ERROR, "", 0, "Exception on /reset/hush [GET]", (), None)
    with shop.app.test_request_context("/reset/hush"):
        line = logs.JsonLines().format(fault)
    assert "hush" not in line
    assert json.loads(line)["path"] == "/reset/<token>"


def test_each_line_of_the_log_is_an_object_with_the_requests_id(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda record: lines.append(logs.JsonLines().format(record)))
    log = logging.getLogger("rando_number.test")
    log.addHandler(handler)

    @shop.app.get("/say")
    def say() -> str:
        try:
            raise ValueError("a fault\nof two lines")
        except ValueError:
            log.exception("%s was said", "something")
        return ""

    try:
        answer = shop.visitor().get("/say")
        log.warning("outside of a request")
    finally:
        log.removeHandler(handler)

    lines_read = [json.loads(line) for line in lines]
    assert lines_read[0]["request_id"] == answer.headers["X-Request-Id"]
    assert (lines_read[0]["level"], lines_read[0]["message"], lines_read[0]["path"]) == (
        "error",
        "something was said",
        "/say",
    )
    assert "ValueError: a fault" in lines_read[0]["exception"]
    assert "request_id" not in lines_read[1]
    assert all("\n" not in line for line in lines)
