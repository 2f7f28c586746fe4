"""What a customer reads is a message of the catalogues, and each catalogue has all of them.

``python -m tools.translations`` gathers what is new; its translation is written by hand.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from tools.translations import (
    LANGUAGES,
    PACKAGES,
    as_mo,
    as_po,
    catalogue_of,
    extracted,
    forms,
    updated,
)

each_catalogue = pytest.mark.parametrize(
    ("package", "language"),
    [(package, language) for package in PACKAGES for language in LANGUAGES],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)

#: What stands in a message for a value, and the tags around words.
HOLES = re.compile(r"%\(\w+\)s|%%|\{\w+\}|</?\w+[^>]*>")

#: Words of templates that are the same in every language: names, units, and what is typed as it stands.
NAMES = re.compile(r"Rando Number|PDF|Stripe|4242|UTC|API|JSON|POST|GET|https?|min|[a-z_]+\.[a-z_]+")

#: What marks a message in code, and the folders whose readers are no customers.
OF_MESSAGES = {"_", "gettext", "marked", "ngettext", "marked_plural"}
NOT_GATHERED = {"operator", "cli", "api"}

NOT_READ = re.compile(r"<style>.*?</style>|<svg.*?</svg>|<code>.*?</code>|<pre.*?</pre>", re.DOTALL)

#: What operators and developers read, such as the mails that test mode keeps.
NOT_OF_CUSTOMERS = {"operator", "operators", "docs", "mails.html"}

#: Attributes that people read, or hear read out.
READ = re.compile(r'(?:aria-label|title|placeholder|alt)="([^"{]*[A-Za-z]{3}[^"{]*)"')


@each_catalogue
def test_a_catalogue_has_each_message_in_its_language_with_the_same_holes(
    package: Path, language: str
) -> None:
    catalogue = updated(package, language)
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        originals, words = forms(message.id), forms(message.string)
        if (
            message.fuzzy
            or len(words) != (1 if len(originals) == 1 else catalogue.num_plurals)
            or not all(words)
        ):
            wrong.append(f"without a translation: {originals[0]}")
        for each in words:
            # A form for one may leave the number out.
            wanted = [sorted(HOLES.findall(original)) for original in originals]
            if sorted(HOLES.findall(each)) not in wanted:
                wrong.append(f"other holes than in {originals[-1]!r}: {each!r}")
    assert not wrong, "run: python -m tools.translations\n" + "\n".join(wrong)


@each_catalogue
def test_the_files_of_a_catalogue_are_what_the_code_has_and_compiled(package: Path, language: str) -> None:
    path, catalogue = catalogue_of(package, language), updated(package, language)

    assert path.read_bytes() == as_po(catalogue), "run: python -m tools.translations"
    assert path.with_suffix(".mo").read_bytes() == as_mo(catalogue), "run: python -m tools.translations"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_template_of_customers_has_a_bare_english_word(package: Path) -> None:
    bare = []
    for path in sorted((package / "templates").rglob("*")):
        if path.suffix not in (".html", ".txt") or NOT_OF_CUSTOMERS & set(path.parts):
            continue
        source = path.read_text()
        text = "".join(
            node.data
            for output in Environment(autoescape=True).parse(source).find_all(nodes.Output)
            for node in output.nodes
            if isinstance(node, nodes.TemplateData)
        )
        text = NOT_READ.sub("", text)
        shown = re.sub(r"<[^>]*>|&\w+;", " ", re.sub(r"<[^>]*$|^[^<]*>", " ", text))
        words = re.findall(r"[A-Za-z][A-Za-z']{2,}", NAMES.sub(" ", shown)) + READ.findall(
            NAMES.sub("", text)
        )
        bare += [f"{path.relative_to(package)}: {word}" for word in words]
    assert not bare, "\n".join(bare)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_message_of_code_is_passed_over(package: Path) -> None:
    """Within an f-string none is gathered: it would stay English without a word."""
    gathered = {form for each in PACKAGES for message in extracted(each) for form in forms(message.id)}
    missing = []
    for path in sorted(package.rglob("*.py")):
        if NOT_GATHERED & set(path.relative_to(package).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            words = node.args[0] if node.args and node.func.id in OF_MESSAGES else None
            if isinstance(words, ast.Constant) and words.value not in gathered:
                missing.append(f"{path.relative_to(package)}:{node.lineno}: {words.value!r}")
    assert not missing, "\n".join(missing)


def test_the_messages_of_code_are_found(tmp_path: Path) -> None:
    """The tests above hold nothing of a message that is not extracted."""
    (tmp_path / "views.py").write_text(
        'raise UnknownItem("No such pack.", field="pack")\nngettext("a", "b", 2)\n'
    )
    (tmp_path / "page.html").write_text('{{ prepaid_text("Thank you, %(name)s", name=name) }}')

    assert {message.id for message in extracted(tmp_path) if message.id} == {
        "No such pack.",
        ("a", "b"),
        "Thank you, %(name)s",
    }


@pytest.mark.parametrize(("language", "word"), [("de", "Probezeitraum"), ("es", "prueba")])
def test_a_free_trial_has_one_name_in_a_language(language: str, word: str) -> None:
    sentences = [
        (message.id, words)
        for package in PACKAGES
        for message in updated(package, language)
        for words in forms(message.string)
        if "free trial " in forms(message.id)[0] or forms(message.id)[0].endswith("free trial.")
    ]

    assert len(sentences) > 5
    assert [sentence for sentence in sentences if word not in sentence[1]] == []
