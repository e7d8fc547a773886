"""What the server answers: exactly the run's files, only under its token, and one page's messages."""

from __future__ import annotations

import io
import json
import shutil
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path, PurePosixPath
from typing import Any

from ca_deploy.bench.devices.browser.messages import Hello, Message, Result, read_message

# In bytes. A result holds every single run, in six bytes or so; only the session may send that much.
LONGEST_RESULT = 64 * 2**20
LONGEST_POST = 64 * 2**10
IDLE_SECONDS = 30
_SESSION = "X-Session"
_MESSAGES = "messages"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}

# Isolation from other origins (COOP, COEP) brings threads. The policy lets the page load nothing but what
# comes from here, and compile WebAssembly. No referrer, because the address holds the token.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
        "style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection; `server` holds the visit."""

    server: Any
    protocol_version = "HTTP/1.1"
    server_version = "ca-deploy"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:  # noqa: D102  http.server calls it by this name
        name = self._behind_token()
        content = None if name is None else self.server.visit.file(name)
        if content is None:
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._send(content, _TYPES.get(PurePosixPath(name or "index.html").suffix))

    do_HEAD = do_GET  # noqa: N815  http.server's name

    def do_POST(self) -> None:  # noqa: D102  http.server's name
        if self._behind_token() != _MESSAGES:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif self.headers.get("Content-Type") != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif (length := self._length()) is None:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif length > (LONGEST_RESULT if self._in_session() else LONGEST_POST):
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._receive(self.rfile.read(length))

    def _behind_token(self) -> str | None:
        """What is asked for; None without the token, which lets the connection stay."""
        name: str | None = self.server.visit.behind_token(self.path)
        if name is not None:
            self.server.let_in(self.connection)
        return name

    def _refuse_method(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED)

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse_method  # noqa: N815  likewise

    def _length(self) -> int | None:
        """How long a post says it is; None when it does not say."""
        given = self.headers.get("Content-Length", "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else None

    def _in_session(self) -> bool:
        """Whether the page that said hello is asking."""
        return bool(self.server.visit.is_session(self.headers.get(_SESSION, "")))

    def _receive(self, body: bytes) -> None:
        try:
            message = read_message(body)
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        if isinstance(message, Hello):
            self._welcome(message)
        elif self._in_session():
            self._deliver(message)
        else:
            self._answer(HTTPStatus.FORBIDDEN)

    def _welcome(self, message: Hello) -> None:
        if not self.server.visit.take():
            self._answer(HTTPStatus.CONFLICT)
            return
        self.server.visit.inbox.put(message)
        self._send(json.dumps({"session": self.server.visit.session}).encode(), "application/json")

    def _deliver(self, message: Message) -> None:
        """Pass a message on, and answer.

        In this order, so that messages stay in theirs; but a result is answered first, because it ends the
        run and with it the server.
        """
        if not isinstance(message, Result):
            self.server.visit.inbox.put(message)
            self._answer(HTTPStatus.NO_CONTENT)
            return
        try:
            self._answer(HTTPStatus.NO_CONTENT)
        finally:
            self.server.visit.inbox.put(message)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer without reading what comes, and hang up."""
        self.close_connection = True
        self._answer(status)

    def _answer(self, status: HTTPStatus) -> None:
        self._head(status, {"Content-Length": "0"} if status != HTTPStatus.NO_CONTENT else {})

    def _send(self, content: Path | bytes, kind: str | None) -> None:
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
            length = source.seek(0, io.SEEK_END)
            source.seek(0)
            self._head(
                HTTPStatus.OK,
                {"Content-Type": kind or "application/octet-stream", "Content-Length": str(length)},
            )
            if self.command != "HEAD":
                shutil.copyfileobj(source, self.wfile)

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (_HEADERS | headers).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base names it so
        """Keep standard error for progress; requests are of no interest to the user."""
