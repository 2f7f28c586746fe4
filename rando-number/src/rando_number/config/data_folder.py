"""The folder that has all state: the SQLite databases, mails, and secrets made on the first start."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from .values import ConfigError

#: Letters of a secret that this shop makes, and what to do where it is lost.
SECRET_LENGTH = 64
PUT_BACK = (
    "Put it back from your backup: sessions, passwords and second factors hang on such secrets. "
    "In a shop that nobody uses yet, take the file away: a new one is made."
)


def data_folder(environ: Mapping[str, str]) -> Path:
    """The data folder, made or not: ``RANDO_DATA``, or ``instance`` where the shop is started."""
    return Path(environ.get("RANDO_DATA") or "instance").resolve()


def made_folder(environ: Mapping[str, str]) -> Path:
    """The data folder, made if it is not there. What this process writes is for its owner alone.

    :raises ConfigError: The folder can't be made, or nothing can be written there.
    """
    data = data_folder(environ)
    os.umask(0o077)
    try:
        data.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise ConfigError(
            f"RANDO_DATA leads to {data}, which can't be written ({error.strerror}). Choose another folder."
        ) from error
    return data


def kept_secret(path: Path) -> str:
    """A secret made on the first start and kept in the data folder, for its owner only.

    Workers that start together agree on it: a link is made once, and the others read it.

    :raises ConfigError: The file is there, and no secret is in it.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another worker was first
            os.link(draft, path)
        draft.unlink()
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read ({error}). {PUT_BACK}") from error
    if len(secret) < SECRET_LENGTH:
        raise ConfigError(f"{path} is empty, or cut off. {PUT_BACK}")
    return secret
