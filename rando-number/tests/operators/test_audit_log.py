"""The audit log as its reader sees it: a sentence for each line, and the line itself where none is known."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from rando_number import audit_log
from rando_number.extensions import db
from rando_number.models import Action, AuditLine
from rando_number.operators.audit_words import sentence

from ..running_shop import RunningShop, Visitor


def sentences(admin: Visitor, action: str = "operated") -> list[str]:
    """What the lines of the log say was done, the newest first."""
    page = admin.get("/admin/audit", action=action).text
    cells = re.findall(r'<td class="words">(.*?)</td>', page, re.S)
    return [unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in cells]


def test_each_thing_that_an_operator_does_is_a_sentence_of_the_log(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    story = f"/admin/customers/{pat.owner}"
    admin.send("/admin/payments/1/refund", amount="2.00", reason="double order")
    admin.send("/admin/grant", form_of=story, credits="5", reason="for the trouble")
    admin.send("/admin/adjust", form_of=story, direction="take", credits="1", reason="a mistake")
    admin.send("/admin/note", form_of=story, text="called")
    admin.send("/admin/codes/make", form_of="/admin/codes", code="FAIR", credits="20", reason="a fair")
    admin.send("/admin/codes/switch", form_of="/admin/codes", do="off")
    admin.send("/admin/block", form_of=story, do="block", reason="stolen card")

    assert sentences(admin)[::-1] == [
        "refunded $2.00 of payment 1 to pat@rando.test: double order",
        "gave 5 credits to pat@rando.test: for the trouble",
        "took 1 credit from pat@rando.test: a mistake",
        "wrote a note about pat@rando.test",
        "made code FAIR for 20 credits: a fair",
        "code FAIR: switched off",
        "blocked pat@rando.test: stolen card",
    ]


def test_a_file_that_an_operator_takes_along_is_in_the_log(shop: RunningShop) -> None:
    shop.buyer()
    support, admin = shop.operator("support"), shop.operator("admin")

    for name in ("customers", "payments"):
        assert "user:1" in support.get(f"/admin/{name}.csv").text
    shop.customer("sam@rando.test").get("/admin/customers.csv")

    assert sentences(admin, "operated") == ["downloaded payments.csv", "downloaded customers.csv"]


def test_what_customers_do_is_a_sentence_too(shop: RunningShop) -> None:
    pat, admin = shop.customer(), shop.operator("admin")
    pat.make_key("mine")

    assert sentences(admin, "key_made") == ["made API key 1"]
    assert "signed in on registering" in sentences(admin, "signed_in")


#: What a line has beside, where its sentence needs it.
DETAILS: dict[Action, dict[str, Any]] = {
    Action.ALERT_SET: {"kind": "lapse", "threshold": 1, "on": True},
    Action.KEY_MADE: {"key": 1},
    Action.KEY_REVOKED: {"key": 1},
    Action.LIMIT_SET: {"limit": None},
    Action.OPERATED: {"did": "mend"},
    Action.RATE_LIMITED: {"method": "POST", "path": "/number"},
    Action.REFUSED: {"method": "POST", "path": "/number"},
    Action.WEBHOOK_SET: {"endpoint": 1, "done": "added"},
}


@pytest.mark.parametrize("action", Action)
def test_nothing_that_the_log_keeps_is_without_a_sentence(action: Action) -> None:
    line = AuditLine(action=action, actor="user:1", detail=DETAILS.get(action, {}))

    words = sentence(line, {})

    assert words is not None
    assert "_" not in words


def test_a_line_of_a_kind_without_words_is_shown_as_it_was_written(shop: RunningShop) -> None:
    admin = shop.operator("admin")
    with shop.app.app_context():
        audit_log.note(Action.OPERATED, actor=admin.owner, did="juggle", balls=3, caught=True)
        audit_log.note(Action.OPERATED, actor=admin.owner, did="refund", payment=1, amount_minor=200)
        db.session.commit()

    assert sentences(admin) == [
        "operated did refund · payment 1 · amount minor 200",
        "operated did juggle · balls 3 · caught yes",
    ]


def test_a_message_stands_below_the_tabs_and_above_the_title(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    story = f"/admin/customers/{pat.owner}"
    admin.send("/admin/grant", form_of=story, credits="5", reason="for the trouble")

    page = admin.get(story).text

    assert page.count("The balance is 18 now.") == 1
    assert page.index("operator-tabs") < page.index("The balance is 18 now.") < page.index("</h1>")
