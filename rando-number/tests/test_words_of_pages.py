"""What pages say: how a payment was made, why credits went, against what a number stands, what to press."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .running_shop import RunningShop


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))


def test_how_a_payment_was_made_is_said_in_words(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()

    for path in ("/admin/payments", f"/admin/customers/{pat.owner}"):
        page = text_of(finance.get(path).text)
        assert "Starter · Checkout" in page, path
        assert "Small · plan" in page, path
    assert "Paid by way of Checkout" in text_of(finance.get("/admin/payments/1").text)
    assert ",checkout," in finance.get("/admin/payments.csv").text


def test_where_credits_were_taken_back_it_says_why_and_of_which_payment(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    finance.send("/admin/payments/1/refund", amount="10.00", reason="half of it")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000000259")

    for path in ("/usage", "/user-profile"):
        page = text_of(pat.get(path).text)
        assert "Refunded: payment of" in page, path
        assert "Disputed at your bank: payment of" in page, path
        assert "half of it" not in page, path


def test_nothing_has_no_sign(shop: RunningShop) -> None:
    """A bank takes money back whose credits are all spent: none are there to be taken."""
    pat = shop.customer(credits=0)
    shop.stripe.pay(pat.buy(pack="starter"))
    with shop.app.app_context():
        shop.prepaid.spend_now(pat.owner, credits=10, key="all")
    finance = shop.operator("finance")
    finance.send("/admin/payments/1/refund", amount="10.00", reason="asked for")

    page = text_of(pat.get("/usage").text)
    assert "+0" not in page
    assert re.search(r"Refunded: payment of [^.]+\. Already spent, so you owe: 10 credits", page)
    assert "+0" not in text_of(finance.get(f"/admin/customers/{pat.owner}").text)


def test_the_range_that_is_shown_is_marked(shop: RunningShop) -> None:
    page = shop.customer().get("/usage").text

    ranges = page.partition("flex-wrap gap-2 ranges")[2].partition("</p>")[0]
    assert re.findall(r'aria-current="true">([^<]+)<', ranges) == ["30 days"]


def test_a_change_says_against_what(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    finance.send("/admin/sync", form_of="/admin")
    shop.stripe.advance(days=8)
    shop.buyer("paul@rando.test")
    finance.send("/admin/sync", form_of="/admin")

    page = text_of(finance.get("/admin").text)

    assert "The 7 days before: $9.41" in page, "one payment on either side makes no share"
    assert "none in the 30 days before" in page


def test_ten_payments_make_a_share_until_one_more_is_not_copied(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    for _ in range(10):
        shop.stripe.pay(pat.buy(pack="starter"))
    finance.send("/admin/sync", form_of="/admin")
    shop.stripe.advance(days=8)
    for _ in range(10):
        shop.stripe.pay(pat.buy(pack="starter"))
    finance.send("/admin/sync", form_of="/admin")

    assert "±0 % on the 7 days before" in text_of(finance.get("/admin").text)
    today = datetime.fromtimestamp(shop.stripe.now(), UTC).date()
    days = {"from": f"{today - timedelta(days=6)}", "to": f"{today}"}
    assert "±0 % from $100.00" in text_of(finance.get("/admin/sales", **days).text)

    shop.stripe.pay(pat.buy(pack="starter"))
    page = text_of(finance.get("/admin/sales", **days).text)
    assert "$10.00 came in since" in page
    assert "$100.00 before" in page
    assert "%" not in page.partition("Gross")[2].partition("Net before")[0]


def test_who_has_no_credits_is_led_to_buy_some(shop: RunningShop) -> None:
    poor, rich = shop.customer(credits=0), shop.customer("rich@rando.test")

    page = poor.get("/").text
    assert "You have no credits left." in page
    assert re.findall(r'class="btn btn-primary[^"]*"[^>]*>([^<]+)<', page) == ["Buy More Credits"]
    assert 'id="getnumber">Get Your Number<' in page
    assert re.findall(r'class="btn btn-primary[^"]*"[^>]*>([^<]+)<', rich.get("/").text) == [
        "Get Your Number"
    ]


def test_a_bank_that_takes_money_back_is_named_on_every_page(shop: RunningShop) -> None:
    """The credits were spent: the next ones pay what is owed, and their row says so."""
    pat, finance = shop.customer(credits=0), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"))
    with shop.app.app_context():
        shop.prepaid.spend_now(pat.owner, credits=10, key="all")
    charge = re.search(r"ch_\w+", finance.get("/admin/payments/1").text)
    assert charge
    dispute = shop.stripe.dispute(charge[0])["id"]
    shop.stripe.dispute(dispute=dispute, outcome="lost")
    shop.stripe.deliver()
    shop.stripe.pay(pat.buy(pack="starter"))

    assert "Given back by your bank" in text_of(pat.get("/billing").text)
    assert "dispute lost" in text_of(finance.get("/admin/payments/1").text)
    for path in ("/usage", "/user-profile"):
        page = text_of(pat.get(path).text)
        assert re.search(r"Disputed at your bank: payment of [^.]+\. Already spent, so you owe: 10", page)
        assert "Pays what you owed: 10 credits" in page, path


def test_credits_that_come_again_say_of_which_payment(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    charge = re.search(r"ch_\w+", finance.get("/admin/payments/1").text)
    assert charge
    dispute = shop.stripe.dispute(charge[0])["id"]
    shop.stripe.dispute(dispute=dispute, outcome="won")
    shop.stripe.deliver()

    for path in ("/usage", "/user-profile"):
        page = text_of(pat.get(path).text)
        assert "Given back Not disputed any more: payment of" in page, path


def test_settings_stand_before_what_happened(shop: RunningShop) -> None:
    pat = shop.customer()
    for _ in range(4):
        pat.buy(pack="starter")
    page = pat.get("/user-profile").text

    assert page.index("Change your password") < page.index("Recent Activity") < page.index("Purchase History")
    assert page.count("$10.00") == 3


def test_settings_stand_in_groups_and_what_leaves_comes_last(shop: RunningShop) -> None:
    pat = shop.customer()
    shop.visitor().login("pat@rando.test")

    page = pat.get("/user-profile").text

    groups = re.findall(r"<h3>([^<]+)</h3>\s*<ul>(.*?)</ul>", page, re.DOTALL)
    assert {name: re.findall(r'href="([^"]+)"', links) for name, links in groups} == {
        "Paying": ["/cards", "/alerts"],
        "Programs": ["/api-keys", "/webhooks"],
        "Signing in": ["/change", "/change-email", "/tf-setup", "/passkeys", "/sessions"],
    }
    assert "Two-step sign-in Off Passkeys 0 Where you are signed in 2" in text_of(groups[-1][1])
    assert page.index("/sessions") < page.index("/export.json") < page.index("/close-account")


def test_a_gift_says_what_for_and_a_free_trial_is_called_one(shop: RunningShop) -> None:
    pat = shop.customer()
    pat.subscribe("large", trial="1")
    quinn = shop.customer("quinn@rando.test")
    quinn.subscribe()

    assert " Credits of the plan +20 " in text_of(quinn.get("/usage").text)
    for path in ("/user-profile", "/usage"):
        page = text_of(pat.get(path).text)
        assert " Free trial +10 " in page, path
        assert "Gift Free trial" not in page, path
        assert " Gift Welcome to Rando Number +3 " in page, path


def test_webhooks_belong_to_the_keys_that_lead_to_them(tmp_path: Path) -> None:
    customer = RunningShop(tmp_path, RANDO_LOCAL_WEBHOOKS="1").customer()

    page = customer.get("/webhooks").text
    added = customer.send("/webhooks", url="http://127.0.0.1:9/hooks").text

    assert re.search(r'class="way-back"><a href="/api-keys">.*?API keys</a>', page)
    assert "whsec_" in added
    for seen in (page, added):
        assert re.findall(r'href="([^"]+)" aria-current="true"', seen.partition("<main")[0]) == ["/api-keys"]


def test_a_password_can_be_shown_where_it_is_typed(shop: RunningShop) -> None:
    pages = {path: shop.visitor().get(path).text for path in ("/login", "/register")}
    pages["/change"] = shop.customer().get("/change").text

    for path, page in pages.items():
        assert re.search(r'data-shows="(new_)?password"', page), path
        assert "/show_password.js" in page, path


def test_who_has_no_credits_reads_nothing_of_their_pace(shop: RunningShop) -> None:
    pat = shop.customer(credits=1)
    pat.draw()

    assert "At your pace" not in pat.get("/user-profile").text


def test_a_new_key_wants_a_name_and_its_limits_are_folded(shop: RunningShop) -> None:
    pat = shop.customer()

    def fold(page: str) -> str:
        (attributes, inside) = re.findall(
            r"<details class=\"mb-3\"([^>]*)>\s*<summary>Limits \(optional\)</summary>(.*?)</details>",
            page,
            re.DOTALL,
        )[0]
        assert re.findall(r'name="(\w+)"', inside) == ["limit", "every", "zone", "expires_on"]
        return str(attributes.strip())

    assert fold(pat.get("/api-keys").text) == ""
    refused = pat.send("/api-keys", name="job", limit="many")
    assert refused.status_code == 422
    assert fold(refused.text) == "open"


def test_the_page_of_the_api_begins_with_its_contents(shop: RunningShop) -> None:
    page = shop.visitor().get("/docs/api").text

    contents = page.partition('class="contents"')[2].partition("</nav>")[0]
    listed = re.findall(r'href="#(\w+)"', contents)
    assert listed == re.findall(r'<h2 id="(\w+)"', page)
    assert listed[:4] == ["start", "calls", "errors", "limits"]
    assert "Send at most 256 KiB." in page
    assert len(re.findall(r'<pre data-copy="corner" [^>]*><code>(?:curl|import|async)', page)) == 6
    assert "/copy.js" in page


def test_who_has_sent_for_a_new_password_sees_no_second_form(shop: RunningShop) -> None:
    shop.customer()
    visitor = shop.visitor()
    for email in ("pat@rando.test", "nobody@rando.test"):
        page = visitor.send("/reset", email=email).text
        assert f"We have sent a link to {email}, if it has an account." in page
        assert 'name="email"' not in page
        assert '<a href="/reset">Send it again</a>' in page
    assert 'name="email"' in visitor.get("/reset").text
    assert "Subject: Set a new password" in shop.mails()[-1]


def test_who_has_sent_for_the_link_of_a_new_address_sees_no_second_form(shop: RunningShop) -> None:
    pat = shop.customer()

    page = pat.send("/change-email", email="new@rando.test").text

    assert "We have sent a link to new@rando.test." in page
    assert "You sign in with pat@rando.test until you open it." in page
    assert 'name="email"' not in page
    assert '<a href="/change-email">Send it again</a>' in page
    refused = pat.send("/change-email", email="nonsense").text
    assert 'name="email"' in refused
    assert "We have sent" not in refused


def test_the_statement_names_the_key_as_its_filter_does(shop: RunningShop) -> None:
    anna = shop.visitor(HTTP_ACCEPT="text/html", HTTP_ACCEPT_LANGUAGE="de")
    anna.register("anna@rando.test")
    anna.draw()

    page = anna.get("/usage").text

    assert re.findall(r'class="by text-nowrap" data-label="([^"]+)">([^<]+)<', page) == [
        ("Schlüssel", "diese Seite")
    ]
    assert "<th>Schlüssel</th></tr>" in page


def test_a_page_has_one_green_button_also_that_of_a_code(shop: RunningShop) -> None:
    pat = shop.customer()

    def green(path: str) -> list[str]:
        return re.findall(r'class="btn btn-primary"[^>]*>([^<]+)</button>', pat.get(path).text)

    assert green("/redeem") == ["Redeem"]
    assert "Redeem" not in green("/buy-credits")


def test_an_operators_page_which_is_in_english_offers_no_other_language(shop: RunningShop) -> None:
    admin = shop.operator("admin")

    assert "Deutsch" in admin.get("/billing").text
    for path in ("/admin", "/admin/audit"):
        assert "Deutsch" not in admin.get(path).text, path


def test_the_names_of_settings_are_shown_to_operators_alone(shop: RunningShop) -> None:
    for reader in (shop.visitor(), shop.customer()):
        page = reader.get("/contact").text
        assert "there is no support address" in page
        assert "RANDO_" not in page
    assert "RANDO_CONTACT" in shop.operator("finance").get("/contact").text


def test_a_customer_reads_why_an_operator_gave_credits_and_not_who_it_was(shop: RunningShop) -> None:
    pat, admin = shop.customer(), shop.operator("admin")
    story = f"/admin/customers/{pat.owner}"
    admin.send("/admin/grant", form_of=story, credits="5", reason="for the trouble")

    page = text_of(pat.get("/usage").text)
    assert "for the trouble" in page
    for path in ("/usage", "/user-profile", "/usage.csv", "/usage.json", "/export.json"):
        assert "(by " not in pat.get(path).text, path
    assert "for the trouble (by " in text_of(admin.get(story).text)


def test_who_is_signed_in_once_is_offered_no_other_session_to_end(shop: RunningShop) -> None:
    assert "End every other session" not in shop.customer().get("/sessions").text


def test_a_customer_is_one_since_a_day_by_the_clock_of_credits(shop: RunningShop) -> None:
    shop.stripe.advance(days=400)
    today = datetime.fromtimestamp(shop.stripe.now(), UTC)

    profile = shop.customer().get("/user-profile").text.replace("\N{NO-BREAK SPACE}", " ")

    (since,) = re.findall(r"customer since <time[^>]*>([^<]+)</time>", profile)
    assert since == f"{today.day} {today:%B %Y}"


def test_what_came_of_a_button_stands_above_the_heading(shop: RunningShop) -> None:
    """An operator's tabs stand above it: they do not jump by a message."""
    pat, finance = shop.customer(), shop.operator("finance")
    story = f"/admin/customers/{pat.owner}"

    finance.send("/admin/note", form_of=story, text="called today")
    page = finance.get(story).text

    assert page.index('aria-label="Operator"') < page.index("The note is kept.") < page.index("<h1")
