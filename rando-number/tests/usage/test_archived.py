"""A customer whose old calls lie in the archive is told so, wherever they would be listed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..reading import json_of
from ..running_shop import Program, RunningShop


def test_calls_of_a_closed_year_are_said_to_be_in_the_archive(shop: RunningShop, tmp_path: Path) -> None:
    customer, support = shop.customer(credits=5), shop.operator("support")
    customer.draw()
    drawn_on = datetime.fromtimestamp(shop.stripe.now(), UTC).date()
    shop.stripe.advance(months=16)
    customer.draw()
    month = f"{drawn_on.replace(day=1) + timedelta(days=32):%Y-%m}"
    archived = shop.command("prepaid", "archive", "--before", month, "--to", str(tmp_path / "archive"))
    assert "Archived: 1 spend of 1 credit, 0 ended holds; 1 wallet." in archived.stderr

    sentence = "Older calls are in our archive."
    assert sentence in customer.get("/usage", **{"from": f"{drawn_on}", "to": f"{drawn_on}"}).text
    assert sentence not in customer.get("/usage").text
    that_day = {"from": f"{drawn_on}", "to": f"{drawn_on}"}
    lines = customer.get("/usage.csv", **that_day).text.splitlines()
    assert re.fullmatch(rf",{drawn_on}T[\d:]+\+00:00,archived,,,,,", lines[-1]), lines
    assert "archived" not in customer.get("/usage.csv").text
    assert json_of(customer.get("/usage.json", **that_day))["calls_archived_until"][:10] == f"{drawn_on}"
    assert "calls_archived_until" not in json_of(customer.get("/usage.json"))
    assert "are in the archive." in support.get(f"/admin/customers/{customer.owner}").text
    until = json.loads(customer.get("/export.json").text)["calls_archived_until"]
    answer = json_of(Program(shop, customer.make_key()).get("/entries"))
    assert until[:10] == answer["archived_until"][:10] == f"{drawn_on}"
    assert [entry["kind"] for entry in answer["entries"]] == ["spend", "grant", "grant"]
    assert customer.balance == 3
