"""How the documentation is built: ``sphinx-build -W -n docs docs/_build``; ``./dev check`` does it."""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from pallets_sphinx_themes import ProjectLink  # type: ignore[import-untyped]
from sphinx.application import Sphinx

project = "Flask-Prepaid"
author = "the authors of Flask-Prepaid"
copyright = f"2026 {author}"
version = release = version_of("flask-prepaid")

extensions = ["myst_parser", "pallets_sphinx_themes", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

nitpicky = True
#: Types in signatures: other libraries' documentation is not fetched, so that the build needs no network.
nitpick_ignore_regex = [("py:class", ".*"), ("py:exc", "(?!flask_prepaid|prepaid_ledger).*")]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "flask"
html_static_path = ["_static"]
templates_path = ["_templates"]
#: No page calls a package index to ask whether it is the newest.
version_banner = False
html_theme_options = {"globaltoc_maxdepth": 2}
html_css_files = ["site.css"]
html_title = "Flask-Prepaid"
html_show_sourcelink = False
html_context = {
    "project_links": [
        ProjectLink("Changelog", "changelog.html"),
        ProjectLink("Decisions", "decisions/index.html"),
    ]
}
html_sidebars = {
    "index": ["project.html", "globaltoc.html"],
    "**": ["globaltoc.html", "localtoc.html", "relations.html"],
}


BLANK = str.maketrans("├└─", "   ")


def keep_the_tree(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A tree in a module's docstring is shown as a block; without its lines, which the web font lacks."""
    drawn = [index for index, line in enumerate(lines) if line.startswith(("├", "└"))]
    if drawn:
        first, last = drawn[0] - 1, drawn[-1] + 1
        lines[first:last] = ["::", "", *(f"    {line.translate(BLANK)}" for line in lines[first:last])]


#: Whose READMEs stand beside ``docs`` in the repository, and in ``packages`` on the site.
PACKAGES = ("flask-prepaid", "prepaid-ledger", "stripe-emulator")


def copy_pages(app: Sphinx, exception: Exception | None) -> None:
    """Put each page beside its HTML as it was written, with ``llms.txt``, which names those."""
    if exception is not None:
        return
    docs, site = Path(app.srcdir), Path(app.outdir)
    for page in (*docs.glob("**/*.md"), docs / "reference/openapi.json"):
        if "_build" not in page.parts:
            copy(page, site / page.relative_to(docs))
    for package in PACKAGES:
        own = docs.parent / package
        for page in (own / "README.md", *own.glob("examples/*.py")):
            copy(page, site / "packages" / page.relative_to(docs.parent), ("](../docs/", "](../../"))
    copy(docs / "llms.txt", site / "llms.txt", ("](../", "](packages/"))


def copy(page: Path, to: Path, moved: tuple[str, str] | None = None) -> None:
    """Copy a text.

    :param moved: How links that lead elsewhere begin in the repository, and how on the site.
    """
    text = page.read_text(encoding="utf-8")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text.replace(*moved) if moved else text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("build-finished", copy_pages)
    app.connect("autodoc-process-docstring", keep_the_tree)
