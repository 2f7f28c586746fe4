"""What the operator's reports show: columns that say something, titles, and plans from the first one on."""

from __future__ import annotations

import re

from ..running_shop import RunningShop


def test_sales_leave_out_what_is_zero_everywhere_and_the_file_keeps_it(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    finance.send("/admin/sync", form_of="/admin")

    page = finance.get("/admin/sales").text
    assert set(re.findall(r'<th class="amount">([^<]+)<', page)) == {"Gross", "Fees", "Net"}
    assert "disputes_minor,fees_minor,net_minor,discounts_minor" in finance.get("/admin/sales.csv").text

    finance.send("/admin/payments/1/refund", amount="4.00", reason="half of it")
    finance.send("/admin/sync", form_of="/admin")

    assert "Refunds" in re.findall(r'<th class="amount">([^<]+)<', finance.get("/admin/sales").text)


def test_what_was_sold_is_called_by_its_title(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()
    finance.send("/admin/sync", form_of="/admin")

    page = finance.get("/admin/sales").text

    rows = re.findall(r'<th scope="row">([^<]+?) ?(?:<span class="quiet">plan</span>)?</th>', page)
    assert {"Starter", "Small"} <= set(rows)
    assert "starter,usd" in finance.get("/admin/sales.csv", part="product").text


def test_the_currency_is_chosen_among_those_there_are(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")

    for path in ("/admin/sales", "/admin/payments"):
        select = re.findall(r'<select name="currency">(.*?)</select>', finance.get(path, currency="usd").text)
        assert re.findall(r'value="(\w*)"( selected)?', select[0]) == [("", ""), ("usd", " selected")], path


def test_plans_begin_with_the_first_one_and_say_what_the_overview_says(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    pat.subscribe()
    shop.command("prepaid", "tick")

    page = finance.get("/admin/plans").text
    table = page.partition("as a table")[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == 1
    assert len(finance.get("/admin/plans.csv").text.splitlines()) > 12, "the file has every month"
    for path in ("/admin", "/admin/plans"):
        assert "none 30 days ago" in finance.get(path).text, path


def test_payments_stand_above_what_failed_of_them(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    quiet = finance.get("/admin/payments").text
    assert quiet.index('id="all-h"') < quiet.index("No payment failed in this time")
    assert '<div class="tiles' not in quiet

    session = pat.buy(pack="starter")
    shop.stripe.decline(session, "4000000000000002")
    pat.come_back(session)
    page = finance.get("/admin/payments").text

    assert "last try: " in page
