"""The server of one run, over HTTPS where it has a certificate."""

from __future__ import annotations

import ssl
from contextlib import suppress
from http.server import ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from threading import Thread
from types import TracebackType
from typing import Any

from ca_deploy.bench.devices.browser.handler import IDLE_SECONDS, Handler
from ca_deploy.bench.devices.browser.visit import Visit
from ca_deploy.errors import DeviceError


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
        self._open: set[socket] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that nobody holds the others up."""
        request.settimeout(IDLE_SECONDS)
        if self._context:
            request = self._context.wrap_socket(request, server_side=True)
        with request:
            self._open.add(request)
            try:
                super().finish_request(request, client_address)
            finally:
                self._open.discard(request)

    def hang_up(self) -> None:
        """End the connections that phones keep open; what was sent still arrives."""
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a phone that does not trust the certificate yet hangs up, and that is no fault."""
