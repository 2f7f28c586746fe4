"""The command: a process of its own, on a file that outlives it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import BadStatusLine, HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

import pytest
import stripe

from stripe_emulator import Emulator
from stripe_emulator.server.http import closing_each, serve
from stripe_emulator.server.seed import BadSeed, plant

from ..shop import with_sdk_16

Process = subprocess.Popen[str]


@contextmanager
def running(*options: str) -> Iterator[tuple[Process, str]]:
    """The command on a free port, and its URL."""
    command = [sys.executable, "-m", "stripe_emulator", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield process, process.stdout.readline().split()[2]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def client(url: str) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_x", base_addresses={"api": url}, max_network_retries=0)


def post(url: str, body: object) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, object] = json.load(response)
        return answer


@pytest.mark.parametrize("wrong", ["a folder", "no database", "no such folder"])
def test_a_file_that_holds_no_data_is_named_with_the_cure(tmp_path: Path, wrong: str) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database")
    data = {"a folder": tmp_path, "no database": text, "no such folder": tmp_path / "no" / "stripe.db"}[wrong]

    done = subprocess.run(
        [sys.executable, "-m", "stripe_emulator", "--port", "0", "--data", data],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"stripe-emulator: --data {data}: ")
    assert done.stderr.endswith("Name a file of an emulator's, or a new one in a folder that is there.\n")


def test_a_killed_server_has_all_that_it_answered(tmp_path: Path) -> None:
    data = str(tmp_path / "stripe.db")
    answered: Queue[str] = Queue()

    def work(url: str) -> None:
        with suppress(stripe.APIConnectionError):
            while True:
                answered.put(client(url).v1.customers.create({}).id)

    with running("--data", data) as (process, url):
        threads = [threading.Thread(target=work, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        made = [answered.get(timeout=60) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    while not answered.empty():
        made.append(answered.get())

    with running("--data", data) as (_, url):
        emails = {
            customer.id for customer in client(url).v1.customers.list({"limit": 100}).auto_paging_iter()
        }

    assert emails >= set(made)
    assert len(emails) <= len(made) + len(threads)  # what was done and not yet answered


def test_two_servers_share_a_file_and_lose_nothing(tmp_path: Path) -> None:
    data = str(tmp_path / "stripe.db")
    with running("--data", data) as (_, left), running("--data", data) as (_, right):

        def work(url: str) -> None:
            for _ in range(25):
                client(url).v1.customers.create({})

        threads = [threading.Thread(target=work, args=(url,)) for url in (left, right, left, right)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        seen = [len(list(client(url).v1.customers.list({"limit": 100}).data)) for url in (left, right)]
        key = {"idempotency_key": "shared"}
        first = client(left).v1.customers.create({"name": "Jo"}, key)  # type: ignore[arg-type]
        again = client(right).v1.customers.create({"name": "Jo"}, key)  # type: ignore[arg-type]

    assert seen == [100, 100]
    assert again.id == first.id


@contextmanager
def receiver(hear: Callable[[bytes, str], object]) -> Iterator[str]:
    """The URL of an endpoint that answers 200 once ``hear`` has seen body and signature."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hear(body, self.headers["Stripe-Signature"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_server_delivers_by_itself() -> None:
    heard: Queue[str] = Queue()

    def hear(body: bytes, signature: str) -> None:
        heard.put(stripe.Webhook.construct_event(body, signature, "whsec_x").type)

    with (
        receiver(hear) as hook,
        running("--webhook", hook, "--webhook-secret", "whsec_x") as (_, url),
    ):
        session = client(url).v1.checkout.sessions.create(
            {
                "mode": "payment",
                "success_url": "https://shop.example",
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": "usd",
                            "unit_amount": 500,
                            "product_data": {"name": "Pen"},
                        },
                    }
                ],
            }
        )
        paid = post(f"{url}/_emulator/pay", {"session": session.id, "card": "4242424242424242"})
        types = [heard.get(timeout=60) for _ in range(4)]
        post(f"{url}/_emulator/advance", {"seconds": 5})
        types.append(heard.get(timeout=60))

    assert paid["payment_status"] == "paid"
    assert types[-2:] == ["checkout.session.completed", "charge.updated"]


def test_a_slow_receiver_delays_nobody_but_itself() -> None:
    reached, released, heard = threading.Event(), threading.Event(), Queue[bytes]()

    def dawdle(*_: object) -> None:
        reached.set()
        released.wait(60)

    with (
        receiver(dawdle) as slow,
        receiver(lambda body, _: heard.put(body)) as quick,
        running("--webhook", slow) as (_, url),
    ):
        client(url).v1.webhook_endpoints.create({"url": quick, "enabled_events": ["*"]})
        for _ in range(3):
            client(url).v1.customers.create({})
        try:
            assert reached.wait(60)
            for _ in range(3):
                assert b"customer.created" in heard.get(timeout=60)
        finally:
            released.set()


@with_sdk_16
def test_snapshots_and_thin_events_are_sent_side_by_side() -> None:
    snapshots, thin = Queue[bytes](), Queue[bytes]()
    with (
        receiver(lambda body, _: snapshots.put(body)) as here,
        receiver(lambda body, _: thin.put(body)) as there,
        running("--webhook", here, "--webhook-thin", there) as (_, url),
    ):
        client(url).v1.customers.create({})

        assert json.loads(snapshots.get(timeout=60))["type"] == "customer.created"
        assert json.loads(thin.get(timeout=60))["type"] == "v1.customer.created"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_ends_well_in_the_middle_of_work(tmp_path: Path, number: signal.Signals) -> None:
    with running("--data", str(tmp_path / "stripe.db")) as (process, url):
        answered = threading.Semaphore(0)

        def work() -> None:
            with suppress(stripe.StripeError):
                while True:
                    client(url).v1.customers.create({})
                    answered.release()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            answered.acquire()
        process.send_signal(number)
        code = process.wait(timeout=60)
        for thread in threads:
            thread.join()
        assert process.stderr is not None
        assert (code, process.stderr.read()) == (0, "")


def test_a_lost_reply_is_a_closed_connection() -> None:
    with running() as (_, url):
        post(f"{url}/_emulator/chaos", {"lost_reply": 1})

        with pytest.raises(stripe.APIConnectionError):
            client(url).v1.customers.create({})

        post(f"{url}/_emulator/chaos", {})
        assert len(client(url).v1.customers.list().data) == 1


def test_a_call_that_is_never_answered_ends_by_its_callers_patience() -> None:
    with running() as (_, url):
        post(f"{url}/_emulator/chaos", {"timeout": 1})
        impatient = stripe.StripeClient(
            "sk_test_x", base_addresses={"api": url}, http_client=stripe.RequestsClient(timeout=0.3)
        )

        with pytest.raises(stripe.APIConnectionError):
            impatient.v1.customers.create({})

        post(f"{url}/_emulator/chaos", {})
        assert client(url).v1.customers.list().data == []


def test_the_command_says_that_a_port_is_taken_and_exits_with_1() -> None:
    with running() as (_, url):
        command = [sys.executable, "-m", "stripe_emulator", "--port", url.rsplit(":", 1)[1]]
        second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert second.returncode == 1
    assert "in use by another program" in second.stderr


def test_coverage_counts_stripes_routes() -> None:
    command = [sys.executable, "-m", "stripe_emulator", "coverage"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    *resources, last = printed.splitlines()
    of_version_1 = [line for line in resources if " v1/" in line]
    assert "  4 of   4  v1/disputes" in of_version_1
    assert sum(int(line.split()[0]) for line in of_version_1) == int(last.split()[0])
    assert last.endswith("of version 1 in all")


def test_coverage_ends_well_where_nobody_reads_it_to_its_end() -> None:
    """As ``stripe-emulator coverage | head`` does."""
    command = [sys.executable, "-u", "-m", "stripe_emulator", "coverage"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()
        code = process.wait(timeout=120)

    assert (code, complaint) == (0, "")


@pytest.mark.parametrize("name", ["seed.json", "seed.yaml"])
def test_a_seed_is_planted_once(stripe_emulator: Emulator, tmp_path: Path, name: str) -> None:
    seed = tmp_path / name
    content = {
        "products": [{"id": "credits", "name": "Credits"}],
        "prices": [
            {
                "id": "price_ten",
                "product": "credits",
                "currency": "usd",
                "unit_amount": 500,
                "lookup_key": "ten",
            }
        ],
        "customers": [{"id": "cus_jenny", "email": "jenny@example.com", "metadata": {"plan": "gold"}}],
    }
    seed.write_text(json.dumps(content))  # which is YAML, too

    plant(stripe_emulator, seed)
    plant(stripe_emulator, seed)

    shop = stripe.StripeClient("sk_test_x", http_client=stripe_emulator.http_client())
    assert [price.id for price in shop.v1.prices.list({"lookup_keys": ["ten"]}).data] == ["price_ten"]
    assert shop.v1.customers.retrieve("cus_jenny").email == "jenny@example.com"
    assert len(shop.v1.customers.list().data) == 1


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"shoes": []}', '{"products": [{}]}', '{"prices": [{"product": "x"}]}']
)
def test_a_bad_seed_says_what_is_wrong(stripe_emulator: Emulator, tmp_path: Path, text: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(text)

    with pytest.raises(BadSeed, match=r"seed\.json: "):
        plant(stripe_emulator, seed)


def test_the_command_says_what_it_can() -> None:
    command = [sys.executable, "-m", "stripe_emulator", "--help"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    for option in ("--port", "--data", "--webhook", "--webhook-thin", "--seed", "coverage"):
        assert f" {option} " in printed


@pytest.mark.parametrize("wrong", [["--webhook", "localhost"], ["--webhook-thin", "ftp://x"], ["serve"]])
def test_a_wrong_option_is_named_and_ends_with_2(wrong: list[str]) -> None:
    command = [sys.executable, "-m", "stripe_emulator", *wrong]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert refused.returncode == 2
    assert wrong[0] in refused.stderr


def test_who_only_runs_pytest_does_not_wait_for_the_sdk() -> None:
    program = (
        "import stripe_emulator.pytest_plugin, sys; print(sorted({'stripe', 'flask'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    ).stdout

    assert printed == "[]\n"


def test_a_program_keeps_its_connection_until_the_server_ends() -> None:
    emulator = Emulator()
    server = serve(emulator, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    program = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    headers = {"Authorization": "Bearer sk_test_x", "Content-Type": "application/x-www-form-urlencoded"}

    def ask(verb: str, path: str, body: str | None = None) -> tuple[int, object]:
        program.request(verb, path, body, headers)
        response = program.getresponse()
        response.read()
        return response.status, program.sock is not None

    answers = [
        ask("POST", "/v1/customers", "name=Jo"),
        ask("GET", "/v1/customers?limit=1"),
        ask("HEAD", "/v1/customers"),
        ask("POST", "/v1/customers", "no_such=1"),
        ask("GET", "/"),  # a page ends the connection
        ask("GET", "/v1/customers"),
    ]
    server.shutdown()
    thread.join()
    server.server_close()
    with closing(program), pytest.raises((ConnectionError, BadStatusLine)):
        ask("GET", "/v1/customers")

    assert answers == [(200, True), (200, True), (404, True), (400, True), (200, False), (200, True)]


def test_an_answer_is_closed_whether_its_reader_stays_or_hangs_up() -> None:
    closed = []

    class File(list[bytes]):
        def close(self) -> None:
            closed.append(len(self))

    answers = closing_each(lambda environ, start_response: File([b"a", b"b"]))

    assert list(answers({}, lambda *_: None)) == [b"a", b"b"]
    half_read = iter(answers({}, lambda *_: None))
    assert next(half_read) == b"a"
    del half_read

    assert closed == [2, 2]
