"""Files of pages: the styles of every page in one, and addresses by which a browser keeps files for good.

On a slow line each file before the first paint costs a round trip, and another one for its connection.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin

blueprint = Blueprint("files", __name__)

#: Endpoints whose answers never differ by who asks.
FILES = {"static", "prepaid.static", "files.styles"}

#: The styles of every page, in the order in which one may overrule another.
STYLES = (
    ("prepaid.static", "figtree/figtree.css"),
    ("prepaid.static", "colours.css"),
    ("prepaid.static", "stacks.css"),
    ("prepaid.static", "prepaid.css"),
    ("static", "app.css"),
)

#: For a year, as long as browsers keep anything; other content has another address.
KEPT_FOR_GOOD = "public, max-age=31536000, immutable"

BESIDE = re.compile(r'url\("(?!data:|/)([^"]+)"\)')


class SessionOfPages(SecureCookieSessionInterface):
    """The session, which no file has to do with: kept for good, it must not vary by a cookie.

    Flask-Login reads the session at the end of each request, and then Flask adds ``Vary: Cookie``.
    """

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not is_file(response):
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    app.session_interface = SessionOfPages()
    app.url_defaults(name_version)
    app.register_blueprint(blueprint)


@blueprint.get("/styles.css")
def styles() -> Response:
    """All of ``STYLES``, with the files that they name by their addresses."""
    response = Response("\n".join(_style(*style) for style in STYLES), mimetype="text/css")
    response.add_etag()
    response.make_conditional(request)
    return response


def is_file(response: Response) -> bool:
    """Whether this answer is a file, or that it has not changed; a page says that there is none."""
    return request.endpoint in FILES and response.status_code in (200, 206, 304)


def name_version(endpoint: str, values: dict[str, Any]) -> None:
    """Put into the address of a file what its content is known by."""
    if endpoint == "files.styles":
        values["v"] = _digest_of_styles()
    elif endpoint in FILES and (file := _file(endpoint, values["filename"])).is_file():
        values["v"] = _digest(file)


def cache_control() -> str:
    """How long this file may be kept: for good under the version that it has, else it is asked for each time.

    While a new release is rolled out, the old one is asked for files of the new one's pages.
    """
    served = dict(request.view_args or {})
    name_version(request.endpoint or "", served)
    return KEPT_FOR_GOOD if served.get("v", "") == request.args.get("v") else "no-cache"


def _style(endpoint: str, name: str) -> str:
    return BESIDE.sub(
        lambda beside: f'url("{_address_beside(endpoint, name, beside[1])}")',
        _file(endpoint, name).read_text(),
    )


def _address_beside(endpoint: str, name: str, beside: str) -> str:
    """The address of a file that the style names, such as its font."""
    return url_for(endpoint, filename=str(Path(name).parent / beside))


def _digest_of_styles() -> str:
    """What all styles in one are known by: what they hold, and the addresses of the files that they name."""
    files = [_file(*style) for style in STYLES]
    known_by = [_digest(*files)]
    for (endpoint, name), file in zip(STYLES, files, strict=True):
        named = _named_in(file, file.stat().st_mtime_ns)
        known_by += [_address_beside(endpoint, name, beside) for beside in named]
    return sha256("\n".join(known_by).encode()).hexdigest()[:12]


@lru_cache(maxsize=256)
def _named_in(style: Path, changed: int) -> list[str]:
    """The files that a style names, read anew once it has ``changed``."""
    return BESIDE.findall(style.read_text())


def _file(endpoint: str, name: str) -> Path:
    owner = current_app if endpoint == "static" else current_app.blueprints["prepaid"]
    assert owner.static_folder is not None
    return Path(owner.static_folder) / name


def _digest(*files: Path) -> str:
    return _digest_at(files, tuple(file.stat().st_mtime_ns for file in files))


@lru_cache(maxsize=256)
def _digest_at(files: tuple[Path, ...], changed: tuple[int, ...]) -> str:
    """What the files hold, read anew once one has ``changed``."""
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
