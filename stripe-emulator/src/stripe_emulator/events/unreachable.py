"""Why a receiver could not be reached, as a sentence for whoever has to mend it."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from http.client import HTTPException
from urllib.parse import urlsplit


def sentence(error: Exception, url: str, *, seconds: int) -> str:
    """What went wrong between here and a receiver.

    :param seconds: How long an answer was waited for.
    """
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    place = urlsplit(url).netloc or url
    match reason:
        case TimeoutError():
            return f"No answer within {seconds} seconds. Answer first, and do the work afterwards."
        case ConnectionRefusedError():
            return f"Nobody listens at {place}: the connection was refused. Is the program running?"
        case ConnectionResetError() | BrokenPipeError():
            return f"{place} closed the connection without an answer."
        case socket.gaierror():
            return f"The host of {place} is not known."
        case ssl.SSLError():
            return f"{place} speaks no TLS that is trusted here. On this machine, use http://."
        case HTTPException():
            return f"{place} answered something that is no HTTP."
        case OSError():
            return f"{place} could not be reached: {reason.strerror or reason}."
    return f"{url} can't be sent to: {reason}."
