"""One content, two forms: what a mail says is the same as text and as HTML, and nobody's words are markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from flask_prepaid import Prepaid
from flask_prepaid.errors import ConfigError
from flask_prepaid.testing import Databases
from flask_prepaid.web.mailing.mail_content import WrittenMail

from ..shop import Shop

BASE = "https://shop.example"
OWN = """A first paragraph
of two lines.

| Number | 17
| Paid | $5.00

Words with an address, https://shop.example/help, in them.

Read on: https://shop.example/a?b=1&c=2
And there: https://other.example/
"""


class Read(HTMLParser):
    """The words that somebody sees, the links, and each tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._text = ""
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "title")
        self._text += "" if tag == "a" else " "
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text += data

    @property
    def words(self) -> list[str]:
        return self._text.split()


@pytest.fixture
def shop(databases: Databases) -> Iterator[Shop]:
    shop = Shop(
        databases.fresh("sqlite"),
        PREPAID_BASE_URL=BASE,
        PREPAID_SHOP_NAME="Tea & Co",
        PREPAID_SUPPORT_EMAIL="help@shop.example",
    )
    yield shop
    shop.close()


def composed(shop: Shop, subject: str, text: str) -> WrittenMail:
    mail: WrittenMail = shop.read(lambda: shop.prepaid.compose_mail(subject, text))
    return mail


def test_both_forms_say_the_same_with_the_shop_and_where_to_ask(shop: Shop) -> None:
    mail = composed(shop, "About  your\ncredits", OWN)
    html = Read(mail.html)

    assert mail.subject == "About your credits"
    assert mail.text == (
        "A first paragraph\nof two lines.\n\nNumber: 17\nPaid: $5.00\n\n"
        "Words with an address, https://shop.example/help, in them.\n\n"
        "Read on: https://shop.example/a?b=1&c=2\nAnd there: https://other.example/\n\n"
        "-- \nTea & Co (test mode, no real money)\nhttps://shop.example\n"
        "Questions? Write to help@shop.example\n"
    )
    for word in re.sub(r": https?://\S+|:(?= )|-- \n", " ", mail.text).split():
        assert word in html.words, f"{word!r} is in the text alone"
    assert html.links == [
        f"{BASE}/help",
        f"{BASE}/a?b=1&c=2",
        "https://other.example/",
        BASE,
        "mailto:help@shop.example",
    ]
    assert [attributes.get("class") for tag, attributes in html.tags if tag == "a"][:3] == [
        "link",
        "button",
        "link",
    ]
    assert "Leads to" not in mail.html, "the button leads to the shop itself"


def test_a_button_says_where_it_leads_if_that_is_not_the_shop(shop: Shop) -> None:
    mail = shop.read(lambda: shop.prepaid.compose_mail("Help", "Read it: https://docs.example/help"))

    assert "Leads to docs.example" in mail.html


def test_what_somebody_has_typed_adds_no_link_no_line_and_no_button(shop: Shop) -> None:
    typed = "Pat at evil.example/now\n\nUndo it: https://evil.example/\u2028| Total | $0.00"

    mail = shop.read(
        lambda: shop.prepaid.compose_mail(
            "Key {name}", "Made by {name}.\n\nSee: https://shop.example/keys", name=typed
        )
    )

    assert "\n" not in mail.subject
    assert mail.html.count('class="button"') == 1
    assert 'href="evil.example' not in mail.html
    assert 'href="http://evil.example' not in mail.html
    assert "<th" not in mail.html


def test_the_html_fetches_nothing_runs_nothing_and_is_small(shop: Shop) -> None:
    mail = composed(shop, "Many lines", OWN * 5)
    tags = Read(mail.html).tags

    assert {tag for tag, _ in tags} <= {
        *("html", "head", "meta", "title", "style", "body", "table", "tr", "td", "th", "h1", "p", "a", "br"),
        *("div", "span"),
    }
    assert not any(name in ("src", "background", "srcset") for _, attributes in tags for name in attributes)
    assert "url(" not in mail.html
    assert "@import" not in mail.html
    assert len(mail.html.encode()) < 20_000
    assert 'lang="en"' in mail.html
    assert all(
        attributes.get("role") == "presentation" or "border-collapse" in (attributes.get("style") or "")
        for tag, attributes in tags
        if tag == "table"
    ), "a table of layout says that it is none"


def test_nobodys_words_are_markup_or_a_link_that_does_more(shop: Shop) -> None:
    text = "<script>x</script> <img src=x>\n\n| <b>a</b> | <i>b</i>\n\n"
    text += 'Go: https://a.example/"onclick="x\n\nRun: javascript:x'

    mail = composed(shop, "<b>& more", text)
    html = Read(mail.html)

    assert {tag for tag, _ in html.tags} & {"script", "img", "b", "i"} == set()
    assert not any("onclick" in attributes for _, attributes in html.tags)
    assert all(link.startswith(("https://", "mailto:")) for link in html.links)
    assert "<script>" in mail.text, "a text is no markup"


def test_a_long_sentence_before_an_address_is_no_button(shop: Shop) -> None:
    mail = composed(
        shop, "Own words", f"If your bank has sent you a new card, give us its date on this page: {BASE}/x"
    )

    assert 'class="button"' not in mail.html
    assert f'href="{BASE}/x"' in mail.html


def three(address: str, subject: str, text: str) -> None: ...


def by_name(address: str, subject: str, text: str, *, html: str) -> None: ...


def fourth(address: str, subject: str, text: str, html: str) -> None: ...


def sender(address: str, subject: str, text: str, sender: str = "us") -> None: ...


def any_names(address: str, subject: str, text: str, **more: Any) -> None: ...


@pytest.mark.parametrize(
    ("mail", "gets_html"),
    [
        (three, False),
        (sender, False),
        (print, False),
        (lambda *mail: None, False),
        (by_name, True),
        (fourth, True),
        (any_names, True),
    ],
)
def test_a_mailer_of_three_is_served_as_ever_and_one_that_names_html_gets_it(
    mail: Callable[..., object], gets_html: bool
) -> None:
    calls: list[dict[str, Any]] = []
    prepaid = Prepaid(email=str, mail=mail)
    prepaid._mail = lambda *args, **named: calls.append(named)

    prepaid.send_mail("pat@shop.example", WrittenMail("s", "t", "<p>"))

    assert calls == [{"html": "<p>"} if gets_html else {}]


def two(address: str, subject: str) -> None: ...


def needs_more(address: str, subject: str, text: str, sender: str) -> None: ...


async def later(address: str, subject: str, text: str, html: str) -> None: ...


@pytest.mark.parametrize("mail", [two, needs_more, later])
def test_a_mailer_that_can_not_be_called_is_refused_with_what_it_is_called_with(
    mail: Callable[..., object],
) -> None:
    called = "nobody awaits it" if mail is later else "called with address and subject and text"
    with pytest.raises(ConfigError, match=called):
        Prepaid(email=str, mail=mail)


@pytest.mark.parametrize("address", ["help", "help@shop", "a b@shop.example", 'x"@shop.example', 7])
def test_a_support_address_that_is_none_is_refused(databases: Databases, address: object) -> None:
    with pytest.raises(ConfigError, match="PREPAID_SUPPORT_EMAIL"):
        Shop(databases.fresh("sqlite"), PREPAID_SUPPORT_EMAIL=address)
