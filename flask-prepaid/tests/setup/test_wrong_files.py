"""A file of the host's is not what it should be: its start ends in a sentence with the cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flask_prepaid.errors import ConfigError
from flask_prepaid.languages.words import SHIPPED

from .host import app_with, start

PAGE = '{% extends "flask_prepaid/buy.html" %}{% block title %}Grüße{% endblock %}'
GERMAN = (SHIPPED / "de/LC_MESSAGES/flask_prepaid.mo").read_bytes()

#: Files by their paths, the settings beside them, and what is said.
FILES: dict[str, tuple[dict[str, bytes], dict[str, str], str]] = {
    "a page that is not UTF-8": (
        {"templates/prepaid/buy.html": PAGE.encode("latin-1")},
        {},
        r"The template prepaid/buy.html is not UTF-8: byte 0xfc at 57. Save it as UTF-8.",
    ),
    "a page half written": (
        {"templates/prepaid/buy.html": PAGE.partition("{% endblock")[0].encode()},
        {},
        r"The template prepaid/buy.html can't be shown: line 1: Unexpected end of template",
    ),
    "what a page extends": (
        {
            "templates/prepaid/buy.html": b'{% extends "mine.html" %}{% block title %}Buy{% endblock %}',
            "templates/mine.html": "Grüße".encode("utf-16"),
        },
        {},
        r"The template mine.html is not UTF-8: byte 0xff at 0",
    ),
    "a frame that is not UTF-8": (
        {"templates/frame.html": "ö{% block content %}{% endblock %}".encode("latin-1")},
        {"PREPAID_BASE_TEMPLATE": "frame.html"},
        r"The template frame.html is not UTF-8: byte 0xf6 at 0",
    ),
    "a frame half written": (
        {"templates/frame.html": b"{% block content %}"},
        {"PREPAID_BASE_TEMPLATE": "frame.html"},
        r"The template frame.html can't be shown: line 1",
    ),
    "a folder in place of a frame": (
        {"templates/frame.html/x": b""},
        {"PREPAID_BASE_TEMPLATE": "frame.html"},
        r"this app has no such template",
    ),
    "an empty catalogue": (
        {"words/fr/LC_MESSAGES/flask_prepaid.mo": b""},
        {"PREPAID_LANGUAGES": "fr"},
        r"A catalogue of 'fr' in PREPAID_TRANSLATIONS is none, or only a part of one. Write it anew",
    ),
    "a catalogue half written": (
        {"words/de/LC_MESSAGES/flask_prepaid.mo": GERMAN[:5_000]},
        {"PREPAID_LANGUAGES": "de"},
        r"A catalogue of 'de' in PREPAID_TRANSLATIONS is none, or only a part of one.",
    ),
    "words of English that were not compiled": (
        {"words/en/LC_MESSAGES/flask_prepaid.mo": b'msgid "Buy"\nmsgstr "Purchase"\n'},
        {},
        r"A catalogue of 'en' in PREPAID_TRANSLATIONS is none, or only a part of one.",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_will_not_do_is_named(tmp_path: Path, name: str) -> None:
    files, written, sentence = FILES[name]
    for path, content in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    settings: dict[str, Any] = dict(written)
    if (tmp_path / "words").exists():
        settings["PREPAID_TRANSLATIONS"] = str(tmp_path / "words")

    with pytest.raises(ConfigError, match=sentence):
        start(app_with(tmp_path, **settings))


def test_a_template_with_a_tag_that_the_host_sets_up_later_starts(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    frame = "{% a_tag_of_the_hosts %}{% block content %}{% endblock %}"
    (tmp_path / "templates/frame.html").write_text(frame)

    start(app_with(tmp_path, PREPAID_BASE_TEMPLATE="frame.html"))


def test_a_frame_without_a_place_for_the_pages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/frame.html").write_text("<nav>{% block nav %}{% endblock %}</nav>")

    with pytest.raises(ConfigError, match="no block named content"):
        start(app_with(tmp_path, PREPAID_BASE_TEMPLATE="frame.html"))


def test_a_block_that_no_page_has_is_named(tmp_path: Path) -> None:
    own = tmp_path / "templates/prepaid/buy.html"
    own.parent.mkdir(parents=True)
    page = '{% extends "flask_prepaid/buy.html" %}{% block refund_rul %}Within 30 days.{% endblock %}'
    own.write_text(page)

    with pytest.raises(ConfigError, match=r"fills the block 'refund_rul'.* Did you mean refund_rule"):
        start(app_with(tmp_path))

    for right in (
        page.replace("refund_rul ", "refund_rule "),
        page.replace("refund_rul ", "title "),  # of the frame
        page.replace("refund_rul", "mine") + "{% block refund_rule %}{{ self.mine() }}{% endblock %}",
        page.replace("flask_prepaid/buy.html", "later.html"),
        page.replace('"flask_prepaid/buy.html"', "frame_of_the_customer"),  # another one for each
        page.replace('"flask_prepaid/buy.html"', '"later.html" if g.small else "flask_prepaid/buy.html"'),
        "{% a_tag_of_the_hosts %}",
    ):
        own.write_text(right)
        start(app_with(tmp_path))
