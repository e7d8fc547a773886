"""The server of one run, over HTTPS where it has a certificate."""

from __future__ import annotations

import ssl
from contextlib import suppress
from http.server import ThreadingHTTPServer
from math import inf
from socket import SHUT_RDWR, socket
from socketserver import TCPServer
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Any

from ca_deploy.bench.devices.browser.handler import IDLE_SECONDS, Handler
from ca_deploy.bench.devices.browser.visit import Visit
from ca_deploy.errors import DeviceError

MOST_CONNECTIONS = 64  # a browser opens six or so
STRANGER_SECONDS = 30.0  # for the handshake and the first request, which holds the token


class PageServer:
    """Serves a visit until it is closed.

    Args:
        visit: what is served, and where messages go.
        host: where to listen.
        port: 0 for one that is free.
        context: for HTTPS; None for HTTP.

    Raises:
        DeviceError: when it cannot listen there.
    """

    def __init__(self, visit: Visit, host: str, port: int, context: ssl.SSLContext | None) -> None:
        try:
            self._server = _Server((host, port), visit, context)
        except OSError as error:
            place = f"{host}:{port}" if port else host
            reason = error.strerror or error
            raise DeviceError(f"browser:{place}: cannot listen there ({reason})") from error
        self.port = int(self._server.server_address[1])
        self.address = f"{'https' if context else 'http'}://{host}:{self.port}/{visit.token}/"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; nothing is served from here on."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

    def __enter__(self) -> PageServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a phone that keeps its connection must not hold the command up

    def __init__(self, address: tuple[str, int], visit: Visit, context: ssl.SSLContext | None) -> None:
        super().__init__(address, Handler)
        self.visit = visit
        self._context = context
        self._open: dict[socket, float] = {}  # until when each has to show the token

    def server_bind(self) -> None:
        """Bind without HTTPServer's question for this machine's name, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket, Any]:
        """Accept a connection; it is known from here on, so that none outlives the run."""
        connection, address = super().get_request()
        connection.settimeout(IDLE_SECONDS)
        if self._context:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self._open[connection] = monotonic() + STRANGER_SECONDS
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more; each has a thread."""
        return len(self._open) <= MOST_CONNECTIONS

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that nobody holds the others up."""
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def let_in(self, connection: socket) -> None:
        """Keep a connection that has shown the token."""
        self._open[connection] = inf

    def service_actions(self) -> None:
        """Now and then: hang up on those who were too slow to show it."""
        self._hang_up(before=monotonic())

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        self._open.pop(request, None)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that phones keep open; what was sent still arrives."""
        self._hang_up(before=inf)

    def _hang_up(self, before: float) -> None:
        for connection, latest in tuple(self._open.items()):
            if latest <= before:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a phone that does not trust the certificate yet hangs up, and that is no fault."""
