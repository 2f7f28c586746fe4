"""Who an address belongs to: the links that show it, and what somebody else made before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from rando_number.accounts.setup import users
from rando_number.extensions import db
from rando_number.models import User

from ..reading import forms
from ..running_shop import NEW_PASSWORD, PASSWORD, Program, RunningShop, Visitor
from .test_second_factor import set_up

OWNER = "owner@rando.test"
NEW = NEW_PASSWORD["password"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RunningShop]:
    """A shop with production's rules for addresses."""
    shop = RunningShop(tmp_path, RANDO_CONFIRM_EMAIL="1", RANDO_CREDITS_AFTER_CONFIRM="1")
    yield shop
    assert shop.audit() == []


def squatter_of(shop: RunningShop) -> tuple[Visitor, Program]:
    """Somebody who registered the owner's address first, with a session, a second factor and an API key."""
    squatter = shop.visitor()
    squatter.register(OWNER)
    squatter.login(OWNER)
    key = squatter.make_key()
    set_up(squatter)
    return squatter, Program(shop, key)


def ended(squatter: Visitor, program: Program) -> bool:
    return (
        squatter.get("/user-profile").status_code == 302
        and program.get("/balance").status_code == 401
        and program.get("/number/").status_code == 401
    )


def test_a_new_customer_confirms_in_a_browser_that_knows_nothing_of_them(shop: RunningShop) -> None:
    shop.visitor().register("pat@rando.test")
    phone = shop.visitor()
    phone.email = "pat@rando.test"
    link = shop.links("/confirm")[-1]

    opened = phone.get(link)
    assert opened.status_code == 200
    assert phone.get("/user-profile").status_code == 302, "a link that is opened signs nobody in"
    assert phone.send(link, password="not the one").status_code == 422
    assert phone.confirm(PASSWORD).location == "/"

    assert "3 credits are yours" in phone.get("/").text
    assert phone.get("/buy-credits").status_code == 200
    assert phone.balance == 3
    assert phone.get(link).location == "/"
    assert shop.visitor().get(link).location == "/confirm", "it has been used"


def test_who_registers_is_led_to_the_mail_whatever_page_was_wanted(shop: RunningShop) -> None:
    written = {"email": "pat@rando.test", "password": PASSWORD}
    for language, heading in (("en", "Check your mail"), ("de", "Sehen Sie in Ihre E-Mails")):
        visitor = shop.visitor(HTTP_ACCEPT="text/html", HTTP_ACCEPT_LANGUAGE=language)
        form = forms(visitor.get("/register", next="/buy-credits").text)["/register"]
        sent = visitor.client.post("/register", data={**form, **written})
        assert sent.location == "/register/mail"
        page = visitor.get(sent.location).text
        assert heading in page
        assert page.count("pat@rando.test") == 2, "once to be read, and once in the form that sends it again"
        assert "<strong>pat@rando.test</strong>" in page
        assert 'href="/register"' not in page
        count = len(shop.mails())
        visitor.send("/confirm", form_of=sent.location)
        assert len(shop.mails()) == count + 1
        again = visitor.get("/confirm").text
        assert re.findall(r'<input[^>]*name="email"[^>]*value="([^"]*)"', again) == ["pat@rando.test"]
    nobody_yet = shop.visitor().get("/confirm").text
    assert re.findall(r'<input[^>]*name="email"[^>]*value="([^"]*)"', nobody_yet) == [""]

    again = shop.visitor().send("/confirm", email="pat@rando.test").text
    assert "We have sent a link to <strong>pat@rando.test</strong>, if it is still to be confirmed." in again
    assert again.count("We have sent") == 1
    assert 'type="email"' not in again
    assert "Open this link to confirm your address." in shop.mails()[0]


def wants(shop: RunningShop, page: str) -> Visitor:
    """Somebody new who was sent to register on the way to a page."""
    visitor = shop.visitor()
    visitor.email = "pat@rando.test"
    visitor.send("/register", next=page, email=visitor.email, password=PASSWORD)
    return visitor


def confirmation_link(shop: RunningShop) -> str:
    """The link of the newest mail, with all that it carries."""
    text = shop.mails()[-1].replace("=\n", "").replace("=3D", "=")
    return str(re.findall(r"http://localhost(/confirm/\S+)", text)[0])


def confirm_by(visitor: Visitor, link: str) -> str:
    """Open a link, press its button; where that leads."""
    path = link.partition("?")[0]
    form = forms(visitor.client.get(link).text)[path]
    return visitor.client.post(path, data={**form, "password": PASSWORD}).location


def test_after_the_confirmation_comes_the_page_that_was_wanted_in_any_browser(shop: RunningShop) -> None:
    page = "/buy-credits?pack=starter"
    here = wants(shop, page)

    assert confirm_by(shop.visitor(), confirmation_link(shop)) == page
    here.login("pat@rando.test")
    assert here.client.get(confirmation_link(shop)).location == page, "it was used elsewhere"


def test_a_link_that_is_sent_again_leads_to_the_page_that_was_wanted(shop: RunningShop) -> None:
    here = wants(shop, "/buy-credits")
    here.send("/confirm", email="pat@rando.test")

    assert confirm_by(shop.visitor(), confirmation_link(shop)) == "/buy-credits"


def test_who_is_stopped_at_a_page_comes_to_it_by_the_link_that_was_sent_before(shop: RunningShop) -> None:
    visitor = shop.visitor()
    visitor.register("pat@rando.test")
    visitor.login("pat@rando.test")
    assert visitor.get("/buy-credits", pack="starter").status_code == 403

    assert confirm_by(visitor, confirmation_link(shop)) == "/buy-credits?pack=starter"


def test_who_has_an_account_already_signs_in_on_the_way_to_the_page(shop: RunningShop) -> None:
    wants(shop, "/buy-credits")
    wants(shop, "/buy-credits")

    assert "/login?next=/buy-credits" in shop.mails()[-1].replace("=\n", "").replace("=3D", "=")


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "/" + "a" * 500],
)
def test_a_confirmation_leads_to_our_own_pages_alone(shop: RunningShop, elsewhere: str) -> None:
    shop.visitor().register("pat@rando.test")
    visitor = shop.visitor()
    link = f"{confirmation_link(shop)}?{urlencode({'next': elsewhere})}"

    assert confirm_by(visitor, link) == "/"


def test_the_first_confirmation_ends_what_a_squatter_made(shop: RunningShop) -> None:
    squatter, program = squatter_of(shop)
    owner = shop.visitor()
    owner.register(OWNER)

    owner.confirm(PASSWORD)  # who had both mailbox and password

    assert ended(squatter, program)
    assert owner.get("/user-profile").status_code == 200
    assert shop.visitor().login(OWNER).location == "/", "no second factor is asked for"


def test_a_limit_that_a_squatter_has_set_ends_with_the_first_confirmation(shop: RunningShop) -> None:
    squatter, _ = squatter_of(shop)
    assert squatter.send("/usage/limit", form_of="/usage", limit="1").status_code in (302, 303)
    with shop.app.app_context():
        assert shop.prepaid.budgets(squatter.owner)
    owner = shop.visitor()
    owner.register(OWNER)

    owner.confirm(PASSWORD)

    assert {owner.draw().status_code for _ in range(3)} == {200}


def test_a_squatter_who_closes_the_account_takes_no_free_credits_and_no_trial(shop: RunningShop) -> None:
    squatter = shop.visitor()
    squatter.register(OWNER)
    squatter.login(OWNER)
    assert squatter.send("/close-account").status_code == 303
    owner = shop.visitor()
    owner.register(OWNER)

    owner.confirm(PASSWORD)

    assert owner.balance == 3
    owner.subscribe("large", trial="1")
    assert "Free trial" in owner.get("/usage").text


def test_what_a_confirmation_ends_is_named_where_there_is_something(shop: RunningShop) -> None:
    pat, quinn = shop.visitor(), shop.visitor()
    pat.register("pat@rando.test")
    first = shop.visitor().get(shop.links("/confirm")[-1]).text
    quinn.register("quinn@rando.test")
    quinn.login("quinn@rando.test")
    quinn.make_key()
    link = shop.links("/confirm")[-1]

    assert "Type your password to confirm <strong>pat@rando.test</strong>." in first
    assert "set up before" not in first
    assert "API keys, passkeys and two-step sign-in that were set up before end now" in quinn.get(link).text


def test_an_owner_is_not_made_to_confirm_what_somebody_else_registered(shop: RunningShop) -> None:
    squatter_of(shop)
    owner = shop.visitor()

    pressed = owner.send(shop.links("/confirm")[-1])

    assert pressed.status_code == 422
    assert owner.get("/user-profile").status_code == 302
    assert "Set a new password" in pressed.text


def test_the_owner_of_an_address_is_written_nothing_that_a_squatter_does(shop: RunningShop) -> None:
    squatter, _ = squatter_of(shop)
    before = len(shop.mails())

    squatter.send("/change", password=PASSWORD, new_password=NEW, new_password_confirm=NEW)
    assert squatter.get("/close-account").status_code == 200
    assert squatter.send("/close-account").status_code == 303

    assert len(shop.mails()) == before
    assert "password_changed" in shop.actions()
    assert "account_closed" in shop.actions()


def test_a_customer_whose_mailbox_is_proved_reads_of_a_new_password(shop: RunningShop) -> None:
    customer = shop.visitor()
    customer.register("pat@rando.test")
    customer.confirm(PASSWORD)
    before = len(shop.mails())

    customer.send("/change", password=PASSWORD, new_password=NEW, new_password_confirm=NEW)

    assert len(shop.mails()) == before + 1


def test_a_role_opens_nothing_before_its_address_is_confirmed(shop: RunningShop) -> None:
    squatter, _ = squatter_of(shop)
    with shop.app.app_context():
        user = db.session.scalars(select(User).where(User.email == OWNER)).one()
        users.add_role_to_user(user, users.find_or_create_role("admin"))
        db.session.commit()

    pages = ("/admin", "/admin/audit", "/admin/customers.csv")
    assert {squatter.get(page).status_code for page in pages} <= {403, 404}

    owner = shop.visitor()
    owner.register(OWNER)
    owner.confirm(PASSWORD)
    assert {owner.get(page).status_code for page in pages} == {200}


def test_a_reset_of_an_account_that_was_never_confirmed_confirms_it_and_ends_what_came_before(
    shop: RunningShop,
) -> None:
    squatter, program = squatter_of(shop)
    owner = shop.visitor()
    owner.email = OWNER

    owner.send(shop.reset_link(OWNER), **NEW_PASSWORD)

    assert ended(squatter, program)
    assert owner.login(OWNER, NEW_PASSWORD["password"]).location == "/"
    assert owner.balance == 3
    shop.stripe.pay(owner.buy(pack="starter"))
    assert owner.balance == 13
    assert program.get("/number/").status_code == 401
    assert shop.visitor().login(OWNER).status_code == 200, "the squatter's password opens nothing"


def test_a_reset_of_a_confirmed_account_keeps_keys_and_the_second_factor(shop: RunningShop) -> None:
    customer = shop.visitor()
    customer.register("pat@rando.test")
    customer.confirm(PASSWORD)
    program = Program(shop, customer.make_key())
    set_up(customer)

    visitor = shop.visitor()
    visitor.send(shop.reset_link(), **NEW_PASSWORD)

    assert program.get("/balance").status_code == 200
    assert visitor.login("pat@rando.test", NEW_PASSWORD["password"]).location.startswith("/tf-validate")


def test_a_link_never_swaps_the_account_of_a_browser(shop: RunningShop) -> None:
    other = shop.visitor()
    other.register("other@rando.test")
    other.confirm(PASSWORD)
    shop.visitor().register("pat@rando.test")

    for how in (other.get, other.client.post):
        refused = how(shop.links("/confirm")[-1])
        assert refused.status_code in (400, 403)

    assert other.get("/change-email").text.count("other@rando.test") == 1
    assert shop.visitor().login("pat@rando.test").status_code == 302


def test_a_change_of_address_is_made_by_its_own_account_alone(shop: RunningShop) -> None:
    customer, other = shop.visitor(), shop.visitor()
    for visitor, email in ((customer, "pat@rando.test"), (other, "other@rando.test")):
        visitor.register(email)
        visitor.confirm(PASSWORD)
    customer.send("/change-email", email="new@rando.test")
    link = shop.links("/change-email")[-1]

    stranger = shop.visitor()
    assert stranger.get(link).location.startswith("/login")
    assert other.get(link).status_code == 403
    assert stranger.login("new@rando.test").status_code == 200
    customer.get(link)
    assert stranger.login("new@rando.test").status_code == 200, "a link that is opened moves nothing"

    stranger.login("pat@rando.test")
    assert stranger.send(link).location == "/user-profile"

    assert shop.visitor().login("new@rando.test").status_code == 302
    assert customer.get(link).status_code in (302, 403)


def test_an_address_that_is_changed_before_it_was_ever_confirmed_is_proved_by_the_new_mailbox(
    shop: RunningShop,
) -> None:
    visitor = shop.visitor()
    visitor.register("typing-eror@rando.test")
    visitor.login("typing-eror@rando.test")
    program = Program(shop, visitor.make_key())
    visitor.send("/change-email", email="pat@rando.test")

    assert visitor.send(shop.links("/change-email")[-1]).location == "/user-profile"

    visitor.email = "pat@rando.test"
    assert visitor.get("/buy-credits").status_code == 200
    assert visitor.balance == 3
    assert program.get("/balance").status_code == 401, "what was made before the first proof has ended"


def test_each_link_of_a_mail_to_a_known_address_works_signed_out(shop: RunningShop) -> None:
    shop.visitor().register("pat@rando.test")
    shop.visitor().register("pat@rando.test")

    text = shop.mails()[-1].replace("=\n", "").replace("=3D", "=")
    links = {link for link in ("/login", "/reset") if f"http://localhost{link}" in text}

    assert links == {"/login", "/reset"}
    assert "/reset/" not in text, "a link that a newer one has ended"


def test_a_form_sent_twice_at_once_registers_one_customer(shop: RunningShop) -> None:
    browser = shop.visitor()
    page = forms(browser.get("/register").text)["/register"]
    fields = {**page, "email": "pat@rando.test", "password": PASSWORD}
    tabs = [browser.another_tab() for _ in range(4)]
    together = Barrier(len(tabs))

    def press(n: int) -> int:
        together.wait()
        return tabs[n].post("/register", data=fields).status_code

    with ThreadPoolExecutor(len(tabs)) as threads:
        statuses = list(threads.map(press, range(len(tabs))))

    assert set(statuses) <= {302, 303}
    assert shop.rows()["users"] == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("+a@rando.test", "+b@rando.test"),
        ("pat@rando.test", "ｐａｔ@rando.test"),  # noqa: RUF001
        ("pat@rando.test", "раt@rando.test"),  # noqa: RUF001
    ],
)
def test_another_spelling_is_no_new_mailbox(shop: RunningShop, first: str, second: str) -> None:
    from rando_number.accounts.free_credits import mailbox_of

    assert mailbox_of(first) == mailbox_of(second)
    assert mailbox_of("pat@rando.test") != mailbox_of("mat@rando.test")


def test_free_credits_wait_for_the_mailbox(shop: RunningShop) -> None:
    invented = shop.visitor()
    invented.register("nobody@rando.test")
    invented.login("nobody@rando.test")

    assert invented.balance == 0
    assert invented.draw().status_code == 402


@pytest.mark.parametrize("typed", ["", "not an address", "pat@"])
def test_what_is_no_address_gets_no_link_and_the_form_again(shop: RunningShop, typed: str) -> None:
    page = shop.visitor().send("/confirm", email=typed).text

    assert "Write the whole address, such as pat@example.com." in page
    assert "/confirm" in forms(page)
    assert "We have sent" not in page
