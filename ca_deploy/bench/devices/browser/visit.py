"""One run's page: what it may load, the secrets that it is let in with, and what it said."""

from __future__ import annotations

import hmac
import queue
import secrets
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from ca_deploy.bench.devices.browser.messages import Message


class Visit:
    """What the server's threads and the measuring thread share.

    Args:
        files: what is served, by the path behind the token: content, or the file that holds it.

    Attributes:
        token: the secret in the address.
        session: the secret of the one page that said hello, which every later message must carry.
        inbox: messages of that page, in order.
    """

    def __init__(self, files: Mapping[str, Path | bytes]) -> None:
        self.token = secrets.token_urlsafe(16)
        self.session = secrets.token_urlsafe(16)
        self.inbox: queue.Queue[Message] = queue.Queue()
        self._files = files
        self._lock = Lock()
        self._taken = False

    def take(self) -> bool:
        """Whether the caller's page is the first to say hello, and therefore the one that measures."""
        with self._lock:
            first, self._taken = not self._taken, True
        return first

    def behind_token(self, path: str) -> str | None:
        """What a request's path names behind the token; None when the token is wrong.

        Paths are compared as they come, byte for byte: nothing is decoded, and no `..` is followed.
        """
        _, _, rest = path.partition("/")
        token, slash, name = rest.partition("/")
        allowed = hmac.compare_digest(token.encode(), self.token.encode())
        return name if allowed and slash else None

    def file(self, name: str) -> Path | bytes | None:
        """A served file; None when there is no such file in this run."""
        return self._files.get(name or "index.html")

    def is_session(self, session: str) -> bool:
        """Whether a message comes from the page that said hello."""
        return hmac.compare_digest(session.encode(), self.session.encode())
