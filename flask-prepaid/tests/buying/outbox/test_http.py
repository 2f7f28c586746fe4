"""How a webhook is posted: whoever answers, and however, it ends in time."""

from __future__ import annotations

import socket
from threading import Event, Thread

import pytest

from flask_prepaid.outbox.webhooks.http import Poster

from .hearing import local


@pytest.mark.parametrize("answer_of", ["slow", "silent", "no HTTP", "nobody"])
def test_whatever_answers_ends_in_time_and_in_a_sentence(answer_of: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        if answer_of != "nobody":
            server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                if answer_of == "no HTTP":
                    connection.sendall(b"SSH-2.0-OpenSSH\r\n")
                for _ in range(100 if answer_of == "slow" else 0):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return
                    if gone.wait(0.05):
                        return
                gone.wait(60)

        gone = Event()
        thread = Thread(target=answer)
        if answer_of != "nobody":
            thread.start()
        patience_s = 0.4 if answer_of in ("slow", "silent") else 60.0
        poster = Poster(local=True, resolve=local(hooks=["127.0.0.1"]).resolve, answer_s=patience_s)
        try:
            posted = poster.post(
                f"http://hooks.example:{port}/",
                ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
                uid="msg_1",
                body="{}",
            )
        finally:
            gone.set()
            if answer_of != "nobody":
                thread.join()
    says = {
        "slow": "It took too long to answer.",
        "silent": "It took too long to answer.",
        "no HTTP": "It did not answer as HTTP has it.",
        "nobody": "Nobody answers at this address.",
    }
    assert (posted.status, posted.error) == (None, says[answer_of])
