"""Where settings are written: in the environment of the process, or in a file ``.env``."""

from __future__ import annotations

import os

from dotenv import dotenv_values, find_dotenv

from .values import ConfigError


def environment() -> dict[str, str]:
    """The process's environment over what the nearest ``.env`` says.

    :raises ConfigError: The file can't be read.
    """
    file = find_dotenv(usecwd=True)
    try:
        written = {name: value for name, value in dotenv_values(file).items() if value}
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 ({error}). Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror}). May this process read it?") from error
    return {**written, **os.environ}
