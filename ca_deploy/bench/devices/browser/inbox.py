"""The page's messages, one after the other, and an error when the page is gone."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from time import monotonic

from ca_deploy.bench.devices.browser.messages import Beat, Closed, Failed, Hello, Message, Result, Round, Step
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Progress

OPEN_SECONDS = 600.0  # to take a phone out of a pocket and to tap the button, or to get on with the work
SILENT_SECONDS = 30.0  # the page says every two that it is there


class Inbox:
    """Reads what one page says.

    Args:
        messages: where the server puts it.
        device: the device's name, for errors.
        open_seconds: longest time without any news.
        silent_seconds: longest time without any message, once the page has said hello.
    """

    def __init__(
        self,
        messages: queue.Queue[Message],
        device: str,
        open_seconds: float = OPEN_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._messages = messages
        self._device = device
        self._open_seconds = open_seconds
        self._silent_seconds = silent_seconds

    def hello(self) -> Hello:
        """Wait until somebody starts the page.

        Raises:
            DeviceError: when nobody does.
        """
        try:
            message = self._messages.get(timeout=self._open_seconds)
        except queue.Empty as error:
            raise DeviceError(
                f"{self._device}: nobody opened the page and started it within {self._open_seconds:.0f} s; "
                "is the phone on this network, and does a firewall let it through?"
            ) from error
        assert isinstance(message, Hello)  # no other message comes before it
        return message

    def result(self, progress: Progress) -> Result:
        """Follow the page to its end, and show how far it is.

        Raises:
            DeviceError: when it fails, is closed, or falls silent.
        """
        message = self._news()
        while not isinstance(message, Result):
            if isinstance(message, Step):
                progress.step(f"Timing {message.text} in the browser")
                rounds = _Rounds(self)
                for _ in progress.track(rounds, message.total, "rounds"):
                    pass
                message = rounds.next
            else:
                message = self._news()
        return message

    def _news(self) -> Message:
        """The next message that is more than a sign of life."""
        latest = monotonic() + self._open_seconds
        while monotonic() < latest:
            try:
                message = self._messages.get(timeout=self._silent_seconds)
            except queue.Empty as error:
                raise DeviceError(
                    f"{self._device}: the page has been silent for {self._silent_seconds:.0f} s; the tab was "
                    "closed, the phone fell asleep, or it left the network"
                ) from error
            if isinstance(message, Closed):
                raise DeviceError(f"{self._device}: the page was closed before it was done")
            if isinstance(message, Failed):
                raise DeviceError(f"{self._device}: {message.reason}")
            if not isinstance(message, Beat):
                return message
        raise DeviceError(
            f"{self._device}: the page is open, but nothing happened for {self._open_seconds:.0f} s"
        )


class _Rounds:
    """The rounds of one step as an iterable; `next` is the message behind them."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.next: Message

    def __iter__(self) -> Iterator[Message]:
        while isinstance(message := self._inbox._news(), Round):
            yield message
        self.next = message
