"""What the server of a run gives away, and to whom; no browser is needed for that."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from ca_deploy.bench.devices.browser.certificate import make_certificate
from ca_deploy.bench.devices.browser.handler import LONGEST_POST, LONGEST_RESULT
from ca_deploy.bench.devices.browser.messages import Beat, Failed, Hello
from ca_deploy.bench.devices.browser.server import PageServer
from ca_deploy.bench.devices.browser.visit import Visit
from ca_deploy.errors import DeviceError

HERE = "127.0.0.1"
HELLO = {
    "kind": "hello",
    "browser": "Chromium 1",
    "model": "Phone\x1b[2J",
    "system": "Android 16",
    "architecture": "arm 64 bit",
    "gpu": None,
    "cores": 8,
    "secure": True,
    "isolated": True,
    "relaxed_simd": True,
    "timer_ms": 0.005,
}


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    (tmp_path / "model").write_bytes(b"weights")
    return Visit({"index.html": b"<!doctype html>", "main.js": b"0", "artifacts/0/model": tmp_path / "model"})


@pytest.fixture
def server(visit: Visit) -> Iterator[PageServer]:
    with PageServer(visit, HERE, 0, None) as running:
        yield running


def wait_for(condition: Callable[[], bool]) -> None:
    latest = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.01)


class Asked:
    """One request and what came back; the path is sent as it is."""

    def __init__(self, server: PageServer, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        connection = http.client.HTTPConnection(HERE, server.port, timeout=5)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        connection.close()


def say(server: PageServer, visit: Visit, message: object, session: str = "") -> Asked:
    body = json.dumps(message).encode()
    return Asked(
        server,
        "POST",
        f"/{visit.token}/messages",
        body,
        Content_Type="application/json",
        X_Session=session,
    )


def test_the_run_s_files_are_served_behind_the_token_with_isolation_headers(
    server: PageServer, visit: Visit
) -> None:
    page = Asked(server, "GET", f"/{visit.token}/")
    model = Asked(server, "GET", f"/{visit.token}/artifacts/0/model")

    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert model.body == b"weights"
    for answer in (page, model):
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"].strip() == "ca-deploy"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/{token}",
        "/wrong/",
        "/{token}x/",
        "/{token}/../etc/passwd",
        "/{token}/artifacts/0/../0/model",
        "/{token}/%2e%2e/%2e%2e/etc/passwd",
        "/{token}/artifacts/0/model%00",
        "/{token}/artifacts/1/model",
        "/{token}//etc/passwd",
        "/{token}/artifacts",
        "/{token}/main.js?x",
        "http://elsewhere/{token}/",
        "/\u00e9/",
    ],
)
def test_nothing_else_is_found(path: str, server: PageServer, visit: Visit) -> None:
    with socket.create_connection((HERE, server.port), timeout=5) as raw:
        line = f"GET {path.replace('{token}', visit.token)} HTTP/1.1\r\nConnection: close\r\n\r\n"
        raw.sendall(line.encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str, server: PageServer, visit: Visit) -> None:
    assert Asked(server, method, f"/{visit.token}/").status == 405


def test_a_head_has_no_body(server: PageServer, visit: Visit) -> None:
    answer = Asked(server, "HEAD", f"/{visit.token}/main.js")

    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "1", b"")


@pytest.mark.parametrize(("in_session", "limit"), [(False, LONGEST_POST), (True, LONGEST_RESULT)])
def test_an_oversized_post_is_refused_before_it_is_read(
    in_session: bool, limit: int, server: PageServer, visit: Visit
) -> None:
    answer = Asked(
        server,
        "POST",
        f"/{visit.token}/messages",
        Content_Length=str(limit + 1),
        Content_Type="application/json",
        X_Session=visit.session if in_session else "",
    )

    assert (answer.status, answer.headers["Connection"]) == (413, "close")
    assert visit.inbox.empty()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/json", "Content_Length": "-1"}, 411),
        ({"Content_Type": "application/json", "Content_Length": "1e3"}, 411),
    ],
)
def test_posts_of_another_form_are_refused(
    headers: dict[str, str], status: int, server: PageServer, visit: Visit
) -> None:
    assert Asked(server, "POST", f"/{visit.token}/messages", **headers).status == status
    assert visit.inbox.empty()


def test_posts_go_to_one_place_only(server: PageServer, visit: Visit) -> None:
    for path in ("/messages", "/wrong/messages", f"/{visit.token}/", f"/{visit.token}/main.js"):
        assert Asked(server, "POST", path, b"{}", Content_Type="application/json").status == 404


@pytest.mark.parametrize(
    "message",
    [
        [],
        {"kind": "unknown"},
        HELLO | {"extra": 1},
        HELLO | {"cores": 0},
        HELLO | {"model": "x" * 501},
        {"kind": "result", "measured": [{}], "skipped": [], "hidden": False},
    ],
)
def test_what_is_no_message_is_refused(message: object, server: PageServer, visit: Visit) -> None:
    assert say(server, visit, message).status == 400
    assert visit.inbox.empty()


def test_the_first_page_gets_the_session_and_the_second_is_turned_away(
    server: PageServer, visit: Visit
) -> None:
    first, second = say(server, visit, HELLO), say(server, visit, HELLO)

    assert json.loads(first.body) == {"session": visit.session}
    assert (second.status, second.body) == (409, b"")
    hello = visit.inbox.get_nowait()
    assert isinstance(hello, Hello)
    assert hello.model == "Phone [2J"  # nothing that a terminal would obey


def test_later_messages_need_the_session(server: PageServer, visit: Visit) -> None:
    beat = {"kind": "beat"}

    assert say(server, visit, beat).status == 403
    assert say(server, visit, beat, "guessed").status == 403
    assert say(server, visit, beat, visit.session).status == 204
    assert isinstance(visit.inbox.get(timeout=5), Beat)
    with pytest.raises(queue.Empty):
        visit.inbox.get_nowait()


def test_a_failure_is_one_printable_line(server: PageServer, visit: Visit) -> None:
    say(server, visit, {"kind": "failed", "reason": "no\nmemory\x07"}, visit.session)

    assert visit.inbox.get(timeout=5) == Failed(kind="failed", reason="no memory")


def test_nothing_answers_once_the_run_is_over(visit: Visit) -> None:
    with PageServer(visit, HERE, 0, None) as server:
        pass

    with pytest.raises(ConnectionRefusedError):
        Asked(server, "GET", f"/{visit.token}/")


def test_open_connections_end_with_the_run(visit: Visit) -> None:
    with PageServer(visit, HERE, 0, None) as server:
        connection = http.client.HTTPConnection(HERE, server.port, timeout=5)
        connection.request("GET", f"/{visit.token}/")
        assert connection.getresponse().read() == b"<!doctype html>"
        kept = connection.sock
        assert kept is not None
        connection.request("GET", f"/{visit.token}/")
        assert connection.getresponse().read() == b"<!doctype html>"

    assert kept.recv(1) == b""
    connection.close()


def test_a_handshake_that_is_under_way_ends_with_the_run(visit: Visit) -> None:
    with (
        PageServer(visit, HERE, 0, make_certificate(HERE).context) as server,
        socket.create_connection((HERE, server.port), timeout=5) as late,
    ):
        wait_for(lambda: len(server._server._open) == 1)
        server.close()

        assert late.recv(1) == b""


def test_who_does_not_know_the_token_is_hung_up_on(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca_deploy.bench.devices.browser.server.STRANGER_SECONDS", 0.2)
    with (
        PageServer(visit, HERE, 0, None) as server,
        socket.create_connection((HERE, server.port), timeout=5) as stranger,
    ):
        connection = http.client.HTTPConnection(HERE, server.port, timeout=5)
        connection.request("GET", f"/{visit.token}/")
        connection.getresponse().read()
        kept = connection.sock
        stranger.sendall(b"GET / HTTP/1.1\r\n")  # and never ends

        assert stranger.recv(1) == b""
        connection.request("GET", f"/{visit.token}/")
        assert connection.getresponse().status == 200
        assert connection.sock is kept
        connection.close()


def test_connections_are_few(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca_deploy.bench.devices.browser.server.MOST_CONNECTIONS", 2)
    with PageServer(visit, HERE, 0, None) as server, ExitStack() as opened:
        first, *_, last = (
            opened.enter_context(socket.create_connection((HERE, server.port), timeout=5)) for _ in range(3)
        )

        assert last.recv(1) == b""
        first.sendall(f"GET /{visit.token}/ HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        assert first.recv(12) == b"HTTP/1.1 200"


def test_the_certificate_is_the_one_whose_fingerprint_is_shown(visit: Visit) -> None:
    certificate = make_certificate(HERE)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with PageServer(visit, HERE, 0, certificate.context) as server:
        connection = http.client.HTTPSConnection(HERE, server.port, timeout=5, context=trusting)
        connection.request("GET", f"/{visit.token}/")
        body = connection.getresponse().read()
        shown = connection.sock.getpeercert(binary_form=True)
        connection.close()

    assert server.address == f"https://{HERE}:{server.port}/{visit.token}/"
    assert body == b"<!doctype html>"
    assert sha256(shown).hexdigest() == certificate.fingerprint.replace(":", "").lower()


def test_two_runs_share_no_secret() -> None:
    secrets = [secret for visit in (Visit({}), Visit({})) for secret in (visit.token, visit.session)]

    assert len(set(secrets)) == 4
    assert min(map(len, secrets)) >= 22  # 128 bits


def test_an_address_of_another_machine_cannot_be_listened_on(visit: Visit) -> None:
    with pytest.raises(DeviceError, match=r"browser:192\.0\.2\.77: cannot listen there"):
        PageServer(visit, "192.0.2.77", 0, None)
